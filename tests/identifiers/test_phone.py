"""What one phone number means: every trap with its answer. Numbers are the fiction ranges or the library's examples."""

from __future__ import annotations

import phonenumbers
import pytest

from orchestration.identifiers import phone

# Each: why, text, region, E.164, note, country of the number.
READ = [
    ("international form", "+12025550123", "", "+12025550123", None, "US"),
    ("international form whatever the region", "+12025550123", "GB", "+12025550123", None, "US"),
    ("punctuation", "+1 (202) 555-0123", "", "+12025550123", None, "US"),
    ("national form", "2025550123", "US", "+12025550123", None, "US"),
    ("national form with punctuation", "(202) 555.0123", "US", "+12025550123", None, "US"),
    ("national prefix", "1-202-555-0123", "US", "+12025550123", None, "US"),
    ("missing plus", "12025550123", "US", "+12025550123", None, "US"),
    ("missing plus in another country", "447700900123", "GB", "+447700900123", "possible_only", "GB"),
    ("a vendor's sample number", "15555555555", "US", "+15555555555", "possible_only", "US"),
    ("possible but not valid suppresses", "+44 7700 900123", "", "+447700900123", "possible_only", None),
    ("fiction number of London", "020 7946 0123", "GB", "+442079460123", None, "GB"),
    ("Canada by its area code", "416-555-0123", "US", "+14165550123", None, "CA"),
    ("Jamaica by its area code", "+1 876 555 0123", "US", "+18765550123", None, "JM"),
    ("surrounding white space", "  +1 202 555 0123\t", "", "+12025550123", None, "US"),
    ("tel:", "tel:+1-202-555-0123", "", "+12025550123", None, "US"),
    ("whatsapp:", "whatsapp:+12025550123", "", "+12025550123", None, "US"),
    ("rcs:", "rcs:+12025550123", "", "+12025550123", None, "US"),
    ("sms:", "sms:+12025550123", "", "+12025550123", None, "US"),
    ("RFC 3966 context", "tel:555-0123;phone-context=+1-202", "", "+12025550123", None, "US"),
    ("apostrophe", "'+12025550123", "", "+12025550123", None, "US"),
    ("formula", '="+12025550123"', "", "+12025550123", None, "US"),
    ("spreadsheet float", "12025550123.0", "US", "+12025550123", None, "US"),
    ("spreadsheet float with zeros", "12025550123.00", "US", "+12025550123", None, "US"),
    ("thousands separators", "12,025,550,123", "US", "+12025550123", None, "US"),
    ("scientific notation with all digits", "1.2025550123E+10", "US", "+12025550123", None, "US"),
    ("extension x", "202-555-0123 x123", "US", "+12025550123", "extension_dropped", "US"),
    ("extension ext.", "(202) 555-0123 ext. 7", "US", "+12025550123", "extension_dropped", "US"),
    ("extension by commas", "+12025550123,,1", "", "+12025550123", "extension_dropped", "US"),
    ("extension by #", "202-555-0123 #9", "US", "+12025550123", "extension_dropped", "US"),
    ("extension of RFC 3966", "tel:+12025550123;ext=4", "", "+12025550123", "extension_dropped", "US"),
    ("words behind it", "202-555-0123 (cell)", "US", "+12025550123", "text_dropped", "US"),
    ("words behind it are not dialled", "030 123456 home", "DE", "+4930123456", "text_dropped", "DE"),
    ("011 from North America", "011 44 20 7946 0123", "US", "+442079460123", None, "GB"),
    ("00 from Europe", "00 1 202 555 0123", "GB", "+12025550123", None, "US"),
    ("00 where 011 is dialled", "0044 20 7946 0123", "US", "+442079460123", "international_prefix_assumed", "GB"),
    ("00 without a region", "0012025550123", "", "+12025550123", "international_prefix_assumed", "US"),
    ("011 without a region", "01112025550123", "", "+12025550123", "international_prefix_assumed", "US"),
    ("+00", "+00 44 20 7946 0123", "US", "+442079460123", "international_prefix_assumed", "GB"),
    ("Australia's 0011 written as 00", "0061 2 5550 0123", "AU", "+61255500123", "international_prefix_assumed", "AU"),
    ("plus before the national prefix", "+020 7946 0123", "GB", "+442079460123", "plus_dropped", "GB"),
    ("junk before the plus", "00+44 20 7946 0123", "US", "+442079460123", None, "GB"),
    ("missing plus of another country", "442079460123", "US", "+442079460123", "plus_assumed", "GB"),
    ("British (0)", "+44 (0)20 7946 0123", "", "+442079460123", None, "GB"),
    ("(0) where no zero is dialled", "+34 (0)912 345 678", "", "+34912345678", "trunk_zero_dropped", "ES"),
    ("(0) after North America's code", "+1 (0)202 555 0123", "", "+12025550123", "trunk_zero_dropped", "US"),
    ("Italy keeps its zero", "+39 02 1234 5678", "", "+390212345678", None, "IT"),
    ("Italy keeps a bracketed zero", "+39 (0)2 1234 5678", "", "+390212345678", None, "IT"),
    ("Italy's zero lost by a spreadsheet", "212345678", "IT", "+390212345678", "leading_zero_restored", "IT"),
    ("Hungary's 06 lost its zero", "6201234567", "HU", "+36201234567", "leading_zero_restored", "HU"),
    ("Britain's zero lost by a spreadsheet", "2079460123", "GB", "+442079460123", None, "GB"),
    ("France's zero lost by a spreadsheet", "199001234", "FR", "+33199001234", None, "FR"),
    ("Mexico's former 1", "+52 1 200 123 4567", "", "+522001234567", "mobile_prefix_dropped", "MX"),
    ("Mexico's former 044", "044 200 123 4567", "MX", "+522001234567", "mobile_prefix_dropped", "MX"),
    ("Argentina's 15 is a 9 from abroad", "011 15 2345-6789", "AR", "+5491123456789", None, "AR"),
    ("Argentina's 9", "+54 9 11 2345 6789", "", "+5491123456789", None, "AR"),
    ("Brazil before the ninth digit", "(11) 6123-4567", "BR", "+5511961234567", "ninth_digit_added", "BR"),
    ("Brazil's land line has eight", "(11) 2345-6789", "BR", "+551123456789", None, "BR"),
    ("vanity letters", "1-800-FLOWERS", "US", "+18003569377", None, "US"),
    ("full-width digits", "２０２－５５５－０１２３", "US", "+12025550123", None, "US"),
    ("Arabic digits", "+١٢٠٢٥٥٥٠١٢٣", "", "+12025550123", None, "US"),
    ("narrow no-break spaces", "+33\u202f1\u202f99\u202f00\u202f12\u202f34", "", "+33199001234", None, "FR"),
    ("direction marks", "\u202a+1 202 555 0123\u202c", "", "+12025550123", None, "US"),
    ("non-breaking hyphens", "202\u2011555\u20110123", "US", "+12025550123", None, "US"),
    ("region as a subdivision", "202-555-0123", "US-CA", "+12025550123", None, "US"),
    ("region as people write it", "020 7946 0123", "UK", "+442079460123", None, "GB"),
    ("region in words", "202-555-0123", "United States", "+12025550123", None, "US"),
    ("vanity letters apart", "1 800 GO FEDEX", "US", "+18004633339", None, "US"),
    ("an extension behind a number as long as can be", "07700 900123 x5", "GB", "+447700900123", "extension_dropped", "GB"),
    ("extension with a comma and a hash", "202-555-0123, ext #9", "US", "+12025550123", "extension_dropped", "US"),
    ("a hash behind digits alone ends the dialling", "2025550123#", "US", "+12025550123", None, "US"),
    ("a German slash behind the area code", "030/1234567", "DE", "+49301234567", None, "DE"),
    ("a slash behind a calling code and a long area code", "+49 (0)33201/12345", "DE", "+493320112345", None, "DE"),
    ("French groups between slashes", "01/99/00/12/34", "FR", "+33199001234", None, "FR"),
    ("American groups between slashes", "1/202/555/0123", "US", "+12025550123", None, "US"),
    ("a line's end within a number", "+44 20\n7946 0123", "", "+442079460123", None, "GB"),
    ("Hangul fillers and a blank braille cell", "202\u3164555\u28000123\uffa0", "US", "+12025550123", None, "US"),
    ("fifteen digits, the most there are", "+49 30 1234567890 1", "", "+493012345678901", None, "DE"),
    ("a small island's number is short", "201234", "FO", "+298201234", None, "FO"),
    ("a freephone number of no country", "+800 1234 5678", "US", "+80012345678", None, None),
]

# Each: why, text, region, reason.
REJECTED = [
    ("null", None, "US", "empty"),
    ("blank", " \u00a0\u200b", "US", "empty"),
    ("anonymous", "anonymous", "US", "no_digits"),
    ("letters as a number", "sssssss", "US", "no_digits"),
    ("a plus alone", "+", "US", "no_digits"),
    ("emergency", "911", "US", "short_code"),
    ("N11", "411", "US", "short_code"),
    ("sender's short code", "12345", "US", "short_code"),
    ("sender's short code, six digits", "123456", "US", "short_code"),
    ("a short code where short numbers are possible", "22922", "DE", "short_code"),
    ("zeros", "0000", "US", "repeated_digit"),
    ("all the same digit", "5555555555", "US", "repeated_digit"),
    ("all the same digit, formatted", "(999) 999-9999", "US", "repeated_digit"),
    ("all the same digit with a plus", "+1111111111", "", "repeated_digit"),
    ("scientific notation", "1.5551E+10", "US", "scientific_notation"),
    ("scientific notation with a comma", "1,5551E+10", "DE", "scientific_notation"),
    ("masked by X", "201XXXXXXX", "US", "masked"),
    ("masked by stars", "+447766****", "", "masked"),
    ("masked in the middle", "202-***-0123", "US", "masked"),
    ("two numbers", "202-555-0123 or 202-555-0199", "US", "several_numbers"),
    ("two numbers with commas", "2025550123, 2025550199", "US", "several_numbers"),
    ("two numbers on two lines", "07700 900123\n07700 900124", "GB", "several_numbers"),
    ("two numbers and a slash", "07700 900123/07700 900124", "GB", "several_numbers"),
    ("two numbers and a word", "07700 900123 and 07700 900124", "GB", "several_numbers"),
    ("a range of two numbers", "030 1234567/68", "DE", "several_numbers"),
    ("a range of two numbers behind a slash", "030/1234567/68", "DE", "several_numbers"),
    ("a range of ten numbers", "0207 946 0120/29", "GB", "several_numbers"),
    ("a range on two lines", "030 1234567\n68", "DE", "several_numbers"),
    ("a trunk zero where none is dialled", "02079460183", "US", "too_long"),
    ("l for 1", "07700 900l01", "GB", "letter_for_digit"),
    ("O for 0", "0207 946 O018", "GB", "letter_for_digit"),
    ("O for 0 without spaces", "0207946O019", "GB", "letter_for_digit"),
    ("a Cyrillic O for 0", "0207946\u041e019", "GB", "letter_for_digit"),
    ("l for 1 at the end", "030 1234567l", "DE", "letter_for_digit"),
    ("l for 1 at the end, apart", "07700 90000 l", "GB", "letter_for_digit"),
    ("O for the first 0", "O7700 900123", "GB", "letter_for_digit"),
    ("O for every 0", "O77OO 9OO123", "GB", "letter_for_digit"),
    ("three letters that are digits and no word", "07946OOl8", "GB", "not_a_number"),
    ("letters that are digits before others", "077009OOabc", "GB", "not_a_number"),
    ("letters on keys give a number of no range", "077009FUNKY", "GB", "not_a_number"),
    ("an X for one digit", "07700 900x01", "GB", "unclear_ending"),
    ("an extension of half a number", "0207 946 x018", "GB", "unclear_ending"),
    ("a word that touches the number", "0800-123-HELP", "DE", "unclear_ending"),
    ("an extension before a hash", "+11234567890-6#", "", "unclear_ending"),
    ("a second number of four digits", "202-555-0123 or 0124", "US", "unclear_ending"),
    ("a second number behind a comma and a space", "202-555-0123, 24", "US", "unclear_ending"),
    ("one hidden digit at the end", "030 12345*", "DE", "masked"),
    ("sixteen digits", "+49 30 1234567890 12", "", "too_long"),
    ("no region", "2025550123", "", "no_region"),
    ("a region that nobody knows", "2025550123", "Atlantis", "no_region"),
    ("area code missing", "555-0123", "US", "local_only"),
    ("one digit missing", "202555012", "US", "too_short"),
    ("one digit too many, though it could be Egypt", "20255501234", "US", "too_long"),
    ("no such calling code", "+999 1234567", "", "unknown_calling_code"),
    ("plus and too few digits", "+1 202", "", "too_short"),
    ("a time of day", "2024-01-15 10:30", "US", "not_a_number"),
    ("between two lengths", "+354 12345678", "", "wrong_length"),
    ("a text of a thousand digits", "1" * 1000, "US", "too_long"),
]


@pytest.mark.parametrize(("why", "raw", "region", "e164", "note", "number_region"), READ, ids=[case[0] for case in READ])
def test_number_is_read(why: str, raw: str, region: str, e164: str, note: str | None, number_region: str | None) -> None:
    assert phone.normalise_phone(raw, region) == (e164, "ok", note, number_region), why
    again = phone.normalise_phone(e164, region)
    assert again.e164 == e164, f"{why}: the normal form is not its own normal form"


@pytest.mark.parametrize(("why", "raw", "region", "reason"), REJECTED, ids=[case[0] for case in REJECTED])
def test_text_is_rejected(why: str, raw: str | None, region: str, reason: str) -> None:
    assert phone.normalise_phone(raw, region) == (None, "rejected", reason, None), why


@pytest.mark.parametrize(
    ("why", "raw", "region", "e164"),
    [
        ("Jersey's plan keeps the zero, Great Britain's takes it off", "0153412202", "JE", "+44153412202"),
        ("a second zero behind the one that was dropped", "+4900 (0-)30( 01003", "DE", "+493001003"),
        ("a Brazilian mobile number of old behind a plus that is none", "+01718880954", "BR", "+5517918880954"),
    ],
)
def test_an_answer_is_its_own_answer_whatever_repaired_it(why: str, raw: str, region: str, e164: str) -> None:
    # Found by fuzzing: asking for the answer itself gave another number, so the suppression was not found.
    assert phone.normalise_phone(raw, region).e164 == e164, why
    assert phone.normalise_phone(e164, "").e164 == e164, why


def test_every_reason_and_note_is_explained_and_met() -> None:
    assert {case[4] for case in READ if case[4]} == set(phone.NOTES)
    assert {case[3] for case in REJECTED} == set(phone.REASONS)


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_example_numbers_of_every_region_are_read_in_every_form(region: str) -> None:
    example = phonenumbers.example_number(region)
    assert example is not None
    e164 = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    owner = phonenumbers.region_code_for_number(example)
    forms = phonenumbers.PhoneNumberFormat
    for form in (forms.INTERNATIONAL, forms.NATIONAL, forms.RFC3966):
        text = phonenumbers.format_number(example, form)
        assert phone.normalise_phone(text, region) == (e164, "ok", None, owner), f"{text!r} in {region}"


def test_a_number_is_accepted_only_if_the_library_calls_it_possible() -> None:
    for why, raw, region, e164, *_ in READ:
        number = phonenumbers.parse(e164)
        assert phonenumbers.is_possible_number(number), f"{why}: {raw!r} in {region!r}"
