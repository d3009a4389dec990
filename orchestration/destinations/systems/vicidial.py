"""VICIdial: the do-not-call lists of a dialer that a company runs itself, system-wide and by campaign.

Facts from the documentation that comes with it (NON-AGENT_API, copies of 2023 to 2026). It answers every call with status 200
and a line of text that begins with SUCCESS or ERROR. The user and the password stand beside the number in each request: they
are sent in its body, never in an address, which web servers write into their logs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field, SecretStr

from orchestration.core.credentials import secret
from orchestration.core.errors import PermanentError
from orchestration.destinations.contract import Danger, Facts, Place, ReadBack
from orchestration.destinations.lists import Endpoints, ListDestination, ListSettings, Put, Row, System, Target
from orchestration.http.auth import Nobody
from orchestration.http.calls import Call
from orchestration.http.client import CredentialsRefused

_PATH = "/vicidial/non_agent_api.php"
_PUT = Call("POST", _PATH, "add_dnc_phone")

FACTS = Facts(
    system="vicidial",
    channels=frozenset({"voice"}),
    identifier_types=frozenset({"phone"}),
    read_back=ReadBack.RECEIPT,
    batch_size=100,
    can_release=False,
    keeps_our_mark=False,
    calls=(_PUT,),
    lists="SYSTEM_INTERNAL, or the id of a campaign",
    list_example="SYSTEM_INTERNAL",
    permission="a user with API access, user_level 8 and Modify Lists",
    by_hand=(
        "Switch on Use Internal DNC List in every campaign, and Use Campaign DNC List for its own: else the dialer heeds none.",
        "A lead that is in the hopper already may still be dialed; it is a matter of minutes.",
        "The lists hold national numbers: country_code says of which country. A number of another country is refused here, and "
        "told of: it can still be called.",
        "To lift a row: somebody deletes the number from the list by hand. No program does, since an agent may have put it there "
        "meanwhile, on the person's word, and no call would show that.",
    ),
    unproved=(
        "That the number is still there: the interface adds and deletes, and shows nothing. Somebody with the database can read "
        "vicidial_dnc.",
    ),
    dangers=(
        Danger(Call("POST", _PATH, "delete_dnc_phone"), "takes a number off a list, whoever put it there"),
        Danger(Call("POST", _PATH, "add_lead"), "adds a lead, which is then dialed"),
        Danger(Call("POST", _PATH, "update_lead"), "changes a lead"),
        Danger(Call("POST", _PATH, "update_campaign"), "changes a campaign, whether it heeds the lists among it"),
        Danger(Call("POST", _PATH, "hopper_bulk_insert"), "has leads dialed"),
    ),
    unverified=("That the interface takes POST, as PHP pages of its kind do.",),
)

_DONE = "DNC NUMBER ALREADY EXISTS"  # it is as it was asked for, which VICIdial calls an error
_NOT_US = ("DOES NOT HAVE PERMISSION", "LOGIN INCORRECT", "INVALID USERNAME", "INVALID SOURCE", "BAD LOGIN", "USER NOT FOUND")


class Settings(ListSettings):
    """Keys of ``[destinations.<name>]``: those of every list-style system, and who asks. ``api_key_env`` is the password's."""

    system_table: ClassVar[System]

    base_url: str = Field(min_length=1, examples=["https://dialer.example.com"])
    """The dialer's own address."""
    user: str = Field(min_length=1, examples=["6666"])
    """The user of the interface."""
    country_code: str = Field(default="1", pattern=r"^[1-9][0-9]{0,2}$")
    """The country whose national numbers the dialer's lists hold: 1 for North America, 44 for the United Kingdom."""


SYSTEM = System(
    facts=FACTS,
    base_url="",
    auth=lambda settings, key: Nobody(),
    endpoints=lambda name: Endpoints(put=Put(_PUT, lambda rows, target: None, one_by_one=True)),
    list_form=r"[A-Za-z0-9_-]{2,30}",
    most_rows=1_000,
)
Settings.system_table = SYSTEM


def connect(place: Place, settings: Settings) -> Vicidial:
    """The destination for one dialer."""
    return Vicidial(place, settings, secret(settings.api_key_env, f"[destinations.{place.name}] api_key"))


class Vicidial(ListDestination):
    """One dialer, which answers in lines of text."""

    def __init__(self, place: Place, settings: Settings, password: SecretStr) -> None:
        own = {name: value for name in ("batch_size", "calls_per_second") if (value := getattr(settings, name)) is not None}
        super().__init__(SYSTEM, replace(FACTS, **own), settings.base_url, Nobody(), settings, place.config.scopes)
        self._user, self._password, self._country = settings.user, password, f"+{settings.country_code}"

    def _put(self, endpoints: Endpoints, target: Target, rows: Sequence[Row]) -> Mapping[int, str]:
        number: str = rows[0]["identifier"]
        if not number.startswith(self._country):
            return {0: "number_of_another_country"}
        form = (
            ("source", "quietlist"),
            ("user", self._user),
            ("pass", self._password.get_secret_value()),
            ("function", _PUT.action),
            ("phone_number", number.removeprefix(self._country)),
            ("campaign_id", target.list),
        )
        return self._read(self._opened().ask(_PUT, form=form).raw.decode("utf-8", "replace").strip())

    def _read(self, line: str) -> Mapping[int, str]:
        said = line.upper()
        if not said.startswith(("SUCCESS:", "ERROR:")):
            raise PermanentError(
                f"Asking {FACTS.system} for {_PUT}",
                seen="an answer that is none of the interface's",
                allowed="a line that begins with SUCCESS: or ERROR:",
                next_step="see what answers at base_url; the row counts as unanswered",
            )
        if said.startswith("SUCCESS:") or _DONE in said:
            return {}
        if any(words in said for words in _NOT_US):
            raise CredentialsRefused(
                f"Asking {FACTS.system} for {_PUT}",
                seen="a user that is not known, or may not do this",
                allowed=FACTS.permission,
                next_step="see that the environment variable holds this user's password, and what the user may do",
            )
        return {0: "required_fields" if "REQUIRED FIELDS" in said else "error"}
