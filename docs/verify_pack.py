"""Verify a pack of evidence with Python alone: python3 verify_pack.py FOLDER [PUBLIC_KEY]

FOLDER is the unpacked pack. PUBLIC_KEY is what the issuer handed over another way than the pack; without it the script shows only
that nothing was changed since somebody signed, and prints whose key it was. Checked are the signature (Ed25519, RFC 8032, written
out below: slow, and fit for checking only), the size and SHA-256 of every file, that none is missing or was added, and that each
line of the chain names the one before it, up to the head that was signed. Ends with 0 when all holds, else with 1 and the names
of what does not.
"""

import hashlib
import json
import re
import sys
from pathlib import Path

P = 2**255 - 19  # the field
Q = 2**252 + 27742317777372353535851937790883648493  # the order of the group
D = -121665 * pow(121666, -1, P) % P


def recover_x(y, sign):
    """The x of a point, or None where no point of the curve has this y."""
    if y >= P:
        return None
    squared = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(squared, (P + 3) // 8, P)
    if (x * x - squared) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - squared) % P or (x == 0 and sign):
        return None
    return P - x if x % 2 != sign else x


def decode(data):
    """A point in extended coordinates, from its 32 bytes."""
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def add(one, other):
    a, b = (one[1] - one[0]) * (other[1] - other[0]) % P, (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(number, point):
    result = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


BASE_Y = 4 * pow(5, -1, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)


def is_signed(message, signature, public_key):
    """RFC 8032, 5.1.7: whether s * B = R + H(R, A, M) * A."""
    point, commitment, s = decode(public_key), decode(signature[:32]), int.from_bytes(signature[32:], "little")
    if len(public_key) != 32 or len(signature) != 64 or point is None or commitment is None or s >= Q:
        return False
    digest = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % Q
    left, right = multiply(s, BASE), add(commitment, multiply(digest, point))
    return not ((left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P)


def differences(folder, key=None):
    """What does not hold, each with the name of its file first."""
    for name in ("manifest.json", "manifest.sig"):
        if not (folder / name).is_file():
            return [f"{name}: is missing"]
    data = (folder / "manifest.json").read_bytes()
    found = re.fullmatch(rb"ed25519 ([0-9a-f]{64}) ([0-9a-f]{128})\n", (folder / "manifest.sig").read_bytes())
    if found is None or (key is not None and found[1].decode() != key.strip().lower()):
        return ["manifest.sig: is no signature by this key"]
    if not is_signed(data, bytes.fromhex(found[2].decode()), bytes.fromhex(found[1].decode())):
        return ["manifest.json: is not what was signed, or manifest.sig was changed"]
    manifest = json.loads(data)
    listed = {entry["name"]: entry for entry in manifest["files"]}
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}
    said = [f"{name}: is missing" for name in sorted(listed.keys() - there)]
    said += [f"{name}: was added" for name in sorted(there - listed.keys() - {"manifest.json", "manifest.sig"})]
    for name in sorted(listed.keys() & there):
        content = (folder / name).read_bytes()
        if (len(content), hashlib.sha256(content).hexdigest()) != (listed[name]["bytes"], listed[name]["sha256"]):
            said.append(f"{name}: is not the file that was signed")
    return said or (chain_differences(folder, manifest["chain"]) if manifest["chain"]["whole"] else [])


def chain_differences(folder, chain):
    before, number = "0" * 64, 0
    for number, line in enumerate((folder / "chain.jsonl").read_bytes().split(b"\n")[:-1], 1):
        if b'"prev":"%s"' % before.encode() not in line:
            return [f"chain.jsonl: line {number} does not follow from the line before it"]
        before = hashlib.sha256(line).hexdigest()
    return (
        [] if (before, number) == (chain["head"], chain["entries"]) else ["chain.jsonl: does not end at the head that was signed"]
    )


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python3 verify_pack.py FOLDER [PUBLIC_KEY]")
    pack = Path(sys.argv[1])
    problems = differences(pack, sys.argv[2] if len(sys.argv) == 3 else None)
    if problems:
        sys.exit("NOT PROVEN\n" + "\n".join(problems))
    print("Proven: every file is as signed, none is missing, none was added.")
    print("Signed by:", (pack / "manifest.sig").read_text().split()[1])
