-- Twelve characters that blank-pad the dialling code and the rest apart ('0207 9460101') or only the end. The split is not the
-- true area code, so the blanks go. UK numbers have nine or ten digits after the 0, which a spreadsheet may have eaten. The files
-- of CTPS (companies), TPS (consumers) and FPS (faxes) look alike: only the name tells them apart.
{{ mapped_registry('uk_tps__numbers', {
    'registry': {'in_name': {'ctps': 'uk_ctps', 'fps': 'uk_fps'}, 'otherwise': 'uk_tps'}, 'region': 'GB', 'change': 'listed',
    'number': '^(0?[1-9][0-9]{8,9})$', 'blanks': 'padding',
}) }}
