# ruff: noqa: E501  # whole letters stay on their lines
"""New words of letters: what programs quote is taken away, what people write stays, in the forms that were met."""

from __future__ import annotations

import pytest

from orchestration.readers.mail.words import forwards, new_words, text_of_html

CASES = (
    (
        "outlook_en_plain",
        "Please remove me\n\n________________________________\nFrom: Acme <news@acme.example.com>\nSent: Monday, March 2, 2026 10:00 AM\nTo: Ada <a@example.org>\nSubject: Spring\n\nTo unsubscribe",
        "Please remove me",
    ),
    ("outlook_bold", "Nein danke\n\n*Von:* Acme <n@a.c>\n*Gesendet:* Montag\n*An:* x\n*Betreff:* y\n\nabmelden", "Nein danke"),
    (
        "gmail_ru",
        "Удалите меня\n\nпн, 2 мар. 2026 г. в 10:00, Acme News <news@acme.example.com>:\n\n> Отписаться",
        "Удалите меня",
    ),
    ("gmail_sv", "Ta bort mig\n\nDen mån 2 mars 2026 kl 10:00 skrev Acme <n@acme.example.com>:\n\n> avregistrera", "Ta bort mig"),
    (
        "mobile_samsung",
        "Stop\n\n\nSent from my Galaxy\n\n\n-------- Original message --------\nFrom: Acme <n@acme.example.com> \nDate: 3/2/26  10:00  (GMT+00:00) \nTo: a@example.org \nSubject: Spring \n\nunsubscribe",
        "Stop",
    ),
    (
        "yahoo_plain",
        "take me off\n\n    On Monday, March 2, 2026 at 10:00:00 AM GMT, Acme <n@acme.example.com> wrote:  \n \n unsubscribe here",
        "take me off",
    ),
    (
        "hotmail_de_inline",
        "Bitte abmelden\n\nVon: Acme <n@acme.example.com>\nDatum: Montag, 2. März 2026 um 10:00\nAn: a\nBetreff: x\n\nfoo",
        "Bitte abmelden",
    ),
    ("top_no_attr", "ok thanks\n\n> unsubscribe", "ok thanks"),
    (
        "apple_fr_wrapped",
        "Stop\n\n> Le 2 mars 2026 à 10:00, Acme News\n> <news@acme.example.com> a écrit :\n> \n> unsubscribe",
        "Stop",
    ),
    (
        "thunder_long",
        "No more please\n\nAm 02.03.26 um 10:00 schrieb Acme News via Some Very Long Mailing\nSystem Provider:\n> abmelden",
        "No more please",
    ),
    ("zh163", '请退订\n\n\n\n在 2026-03-02 10:00:00，"Acme" <n@acme.example.com> 写道：\n\n退订请点击', "请退订"),
    (
        "qq",
        '请退订\n\n\n------------------ 原始邮件 ------------------\n发件人: "Acme";\n发送时间: 2026年3月2日\n收件人: "a";\n主题: x\n\n退订',
        "请退订",
    ),
    (
        "naver",
        '수신거부\n\n-----Original Message-----\nFrom: "Acme"<n@acme.example.com>\nTo: <a@example.org>\nCc:\nSent: 2026-03-02 (월) 10:00:00\nSubject: x\n\n수신거부 클릭',
        "수신거부",
    ),
    (
        "ja_outlook",
        "配信停止してください\n\n差出人: Acme <n@acme.example.com>\n送信日時: 2026年3月2日 10:00\n宛先: a\n件名: x\n\n配信停止はこちら",
        "配信停止してください",
    ),
    (
        "ja_gt",
        "配信停止してください\n\n> 2026/03/02 10:00、Acme <n@acme.example.com>のメール:\n> \n> test",
        "配信停止してください",
    ),
    (
        "pl_attr",
        "Proszę mnie wypisać\n\nW dniu pon., 2.03.2026 o 10:00 Acme <n@acme.example.com> napisał(a):\n\n> x",
        "Proszę mnie wypisać",
    ),
    ("it_attr2", "Basta\n\nIl lun 2 mar 2026, 10:00 Acme <n@acme.example.com> ha scritto:\n\n> x", "Basta"),
    ("nl_attr2", "Stop\n\nOp ma 2 mrt 2026 om 10:00 schreef Acme <\nn@acme.example.com>:\n\n> x", "Stop"),
    ("pt_pt", "Sair\n\nAcme <n@acme.example.com> escreveu no dia segunda, 2/03/2026 à(s) 10:00:\n\n> x", "Sair"),
    ("es_attr2", "Baja\n\nEl lun., 2 de marzo de 2026 10:00 a. m., Acme <n@acme.example.com>\nescribió:\n\n> x", "Baja"),
    (
        "tr_outlook",
        "Çıkarın\n\nGönderen: Acme <n@acme.example.com>\nGönderildi: 2 Mart 2026 Pazartesi 10:00\nKime: a\nKonu: x\n\nabonelik",
        "Çıkarın",
    ),
    (
        "letter_wrote",
        "My wife wrote to you in 2025 and said:\nplease remove us.\nStill you mail.",
        "My wife wrote to you in 2025 and said:\nplease remove us.\nStill you mail.",
    ),
    (
        "letter_wrote2",
        "As I wrote on 2 March 2026:\n\nPlease remove me from your list!",
        "As I wrote on 2 March 2026:\n\nPlease remove me from your list!",
    ),
    (
        "lotus",
        "stop this\n\n\n\nFrom:\tAcme <n@acme.example.com>\nTo:\ta@example.org\nDate:\t03/02/2026 10:00 AM\nSubject:\tx\n\nunsubscribe",
        "stop this",
    ),
    (
        "confidential",
        "Please unsubscribe me.\n\nThis e-mail is confidential. If you are not the intended recipient please delete it and all copies.",
        "Please unsubscribe me.",
    ),
    ("dash_body", "Hello\n--\nplease remove me\n", "Hello\n--\nplease remove me"),
)


@pytest.mark.parametrize(("case", "text", "new"), CASES, ids=[case for case, _, _ in CASES])
def test_new_words_are_what_was_written_anew(case: str, text: str, new: str) -> None:
    assert new_words(text).text == new, case


@pytest.mark.parametrize(
    ("line", "is_footer"),
    [
        ("To unsubscribe, click here: https://acme.example.com/u", True),
        ("Klicken Sie hier, um sich abzumelden", True),
        ("Pour vous désabonner, cliquez ici", True),
        ("I clicked unsubscribe ten times, here and there", False),
        ("Ich habe hier auf abmelden geklickt", False),
        ("Please unsubscribe", False),
        ("unsubscribe", False),
        ("Take me off this list: https://acme.example.com/list", False),
    ],
)
def test_the_footer_of_a_list_goes_and_a_writer_stays(line: str, is_footer: bool) -> None:
    assert new_words(f"Hello\n\n{line}").text == ("Hello" if is_footer else f"Hello\n\n{line}"), line


def test_a_disclaimer_goes_to_the_end_of_its_paragraph() -> None:
    text = "Stop.\nIf you are not the intended recipient,\nplease delete this mail.\n\nRemove me."
    assert new_words(text).text == "Stop.\n\nRemove me."


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>Stop</p><blockquote>unsubscribe</blockquote>", "Stop\n> unsubscribe"),
        ('<p>Stop</p><div class="gmail_quote">a<div>b</div></div><p>now</p>', "Stop\n> a\n> b\nnow"),
        ('<p>Stop</p><hr><div id="divRplyFwdMsg">From: x</div><div>y</div>', "Stop\n> From: x\n> y"),
        ('<p>Stop</p><p style="display: none">x</p><span hidden>y</span><style>z</style><script>q</script>', "Stop"),
        ('<p style="font-size:0">x</p><p style="font-size:0.9em">y</p>', "y"),
        ("<!-- x --><p>Stop</p><!--[if mso]>y<![endif]-->", "Stop"),
        ('<p>Spring <a href="x">Unsubscribe</a> here</p>', "Spring  here"),
        ('<p><a href="x">Please remove me</a></p>', "Please remove me"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("un<b>sub</b>scribe&nbsp;&amp; go", "unsubscribe & go"),
        ("1 < 2 and <p>x", "1 < 2 and\nx"),
        ('<div class="gmail_signature">Ada</div>Stop', "Stop"),
    ],
)
def test_a_page_is_read_as_people_see_it(page: str, text: str) -> None:
    assert "\n".join(line for line in text_of_html(page)[0].replace("\u00a0", " ").split("\n") if line) == text, page


def test_pictures_that_count_opens_are_no_content() -> None:
    assert text_of_html('<img src="a" width="1" height="1"><img src="b" width="300">')[1] == 1


@pytest.mark.parametrize("subject", ["Fwd: x", "FW: x", "WG: x", "TR : x", "RV: x", "转发：x", "転送: x"])
def test_a_forward_says_so_in_its_subject(subject: str) -> None:
    assert forwards(subject)
    assert not forwards("Forward together: x")
