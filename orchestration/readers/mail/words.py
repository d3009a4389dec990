"""What a person wrote in a mail: HTML as text, without what it quotes, forwards, signs with and is footed with.

Everything here is linear in the text. The kept parsers of replies were tried and left: mail-parser-reply 1.36 reads no Portuguese
and no Turkish, loses what is written between quoted lines, and needs ten seconds for 24 kB of "On ..., wrote" (2026-11-30).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

# A page longer than this is no letter; what is behind it is said to be cut.
MOST_HTML = 1 << 21
MOST_TEXT = 20_000  # characters of new text that are kept: five close-typed pages
_DATA_URI = re.compile(r"data:[a-z]+/[^\"'\s>]{100,}", re.IGNORECASE)
_ENDLESS = re.compile(r"<(?![a-zA-Z/!?][^<>]*>)")
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all|font-size\s*:\s*0(?![.\d])|max-height\s*:\s*0(?![.\d])"
    r"|opacity\s*:\s*0(?![.\d])",
    re.IGNORECASE,
)
_VOID = frozenset(["br", "img", "hr", "meta", "link", "input", "area", "base", "col", "embed", "source", "track", "wbr"])
# What no reader sees. The words within <object> are shown where its own content is not.
_DROPPED = frozenset(["style", "script", "head", "title", "template", "noscript", "svg"])
_HEADS = frozenset(["head", "title"])
_BLOCKS = frozenset(
    [
        "p",
        "div",
        "tr",
        "li",
        "ul",
        "ol",
        "table",
        "blockquote",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "pre",
        "section",
        "hr",
        "body",
    ]
)
# How mail programs mark what they quote: Gmail, Yahoo, Thunderbird, Apple Mail (blockquote), ProtonMail, Zimbra.
_QUOTES = re.compile(
    r"\b(?:gmail_quote|gmail_extra|yahoo_quoted|yahoo_quoted_begin|moz-cite-prefix|protonmail_quote|zmail_extra|wordsection_quote"
    r"|quoted-html-content|mail-quote|history_container|OutlookMessageHeader|replied-mail|ntes_quote|qmbox_quote)\b",
    re.IGNORECASE,
)
_CUTS = re.compile(
    r"\b(?:divRplyFwdMsg|appendonsend|OLK_SRC_BODY_SECTION|reply-intro-cut|stopSpelling|lineBreakAtBeginningOfMessage)\b"
)
_CLIENT_SIGNATURE = re.compile(
    r"\b(?:gmail_signature|moz-signature|ms-outlook-mobile-signature|AppleMailSignature|protonmail_signature)", re.I
)


class _Page(HTMLParser):
    """Collects the text that a reader sees; quoted parts as lines that begin with ``>``, as in plain mails."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self.images = 0
        self._line: list[str] = []
        self._link: int | None = None
        self._open: list[tuple[str, bool, bool]] = []
        self._hidden = self._quoted = 0
        self._heads = self._dropped = 0
        self._unshown: list[str] = []
        self._is_cut = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        named = f"{found.get('class', '')} {found.get('id', '')}"
        if _CUTS.search(named):
            self._break()
            self._is_cut = True
        if tag in _BLOCKS or tag == "br":
            self._break()
            self._end_head()
        if tag == "img":
            # Pictures that count opens are no content.
            self.images += not {found.get("width", ""), found.get("height", "")} & {"0", "1", "0px", "1px"}
            if found.get("alt") and not self._hidden:
                self._line.append(f" {found['alt']} ")
        if tag in _VOID:
            return
        if tag == "a" and found.get("href"):
            self._link = len(self._line)
        hides = tag in _DROPPED or "hidden" in found or _HIDDEN.search(found.get("style", "")) is not None
        hides = hides or _CLIENT_SIGNATURE.search(named) is not None
        quotes = tag == "blockquote" or _QUOTES.search(named) is not None
        if hides or quotes:
            self._break()
        if len(self._open) < 2_000:  # deeper pages are made to break readers
            self._open.append((tag, hides, quotes))
            self._hidden += hides
            self._dropped += tag in _DROPPED
            self._heads += tag in _HEADS
            self._quoted += quotes

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if tag == "a" and self._link is not None:
            # A link that leads away from a list is its sender's, not words of a writer: often the only ones of a newsletter.
            words = "".join(self._line[self._link :])
            if _FOOTER.search(words) and not _SPEAKER.search(words):
                del self._line[self._link :]
            self._link = None
        if tag in _BLOCKS:
            self._break()
        places = [place for place in range(len(self._open) - 1, max(-1, len(self._open) - 40), -1) if self._open[place][0] == tag]
        if not places:
            return
        while len(self._open) > places[0]:
            self._pop(is_closed=len(self._open) == places[0] + 1)

    def _pop(self, *, is_closed: bool) -> None:
        tag, hides, quotes = self._open.pop()
        if hides or quotes:
            self._break()
        self._hidden -= hides
        self._dropped -= tag in _DROPPED
        self._heads -= tag in _HEADS
        if hides and not self._hidden:
            # Where what hides never ends nobody knows how far it was meant to go: what stands in it is read.
            if not is_closed and tag not in _DROPPED:
                self._line += self._unshown
                self._break()
            self._unshown = []
        self._quoted -= quotes

    def _end_head(self) -> None:
        """Whatever stands in the body ends the head, closed or not."""
        while self._heads:
            self._pop(is_closed=True)

    def handle_data(self, data: str) -> None:
        text = re.sub(r"\s+", " ", data)
        if not self._hidden:
            self._line.append(text)
        elif not self._dropped:
            self._unshown.append(f"{text} ")

    def _break(self) -> None:
        text = "".join(self._line).strip()
        if self._line:
            self.lines.append(f"> {text}" if self._quoted or self._is_cut else text)
        self._line = []
        self._link = None

    def text(self) -> str:
        while self._open:
            self._pop(is_closed=False)
        self._break()
        return "\n".join(self.lines)


def text_of_html(html: str) -> tuple[str, int]:
    """The text of a page as a reader sees it, quoted parts marked with ``>``, and how many pictures it shows."""
    page = _Page()
    # The standard parser takes quadratic time over tags that never end; such a bracket is text.
    page.feed(_ENDLESS.sub("&lt;", _without_comments(_DATA_URI.sub("data:", html[:MOST_HTML]))))
    page.close()
    return page.text(), page.images


def _without_comments(html: str) -> str:
    """A page without its comments; one that does not end stays."""
    kept: list[str] = []
    start = 0
    while (begin := html.find("<!--", start)) >= 0 and (end := html.find("-->", begin + 4)) >= 0:
        kept.append(html[start:begin])
        start = end + 3
    return "".join([*kept, html[start:]])


# "On Monday, Ada wrote:" in twelve languages and some neighbours; the colon or the quoted line behind it is looked for apart.
_WROTE = re.compile(
    r"\bwrote|\bwrites\b|\bschrieb|\bschreef|a\s+écrit|\bécrit\s|escribi[óo]|escribe\b|ha\s+scritto|\bscrisse|\bscrive\b|escreveu"
    r"|napisa[łl]|\bpisze|\bnapsal|yazd[ıi]|\bskrev|написал|пишет|写道|寫道|写了|书写|編寫|が書きました|は書きました|のメール|さんは|様は"
    r"|님이\s*작성|작성\s*:|썼습니다|씀\s*:",
    re.IGNORECASE,
)
_STARTS_ATTRIBUTION = re.compile(
    r"(?i)\s*(?:on|am|le|el|il|em|op|w\s+dniu|dnia|den|в|в\s|在|于|at|no\s+dia|a|pada)\b.{0,200}?\d", re.DOTALL
)
_DATED = re.compile(r"\d{1,2}[:.]\d\d|(?:19|20)\d\d|\d{1,2}[./-]\d{1,2}|@")
_ORIGINAL = re.compile(
    r"(?i)original\s*(?:message|appointment)|ursprüngliche\s+nachricht|originalnachricht|message\s+d[’']origine|message\s+original"
    r"|mensaje\s+original|messaggio\s+originale|mensagem\s+original|oorspronkelijk(?:e)?\s+bericht|oryginalna|wiadomość\s+oryginalna"
    r"|orijinal\s+(?:mesaj|ileti)|özgün\s+(?:ileti|mesaj)|元のメッセージ|原始邮件|原郵件|原邮件|原始郵件|원본\s*(?:메시지|메일)|original\s+mail"
)
_FORWARDED = re.compile(
    r"(?i)forwarded\s+(?:message|by)|begin\s+forwarded\s+message|weitergeleitete\s+nachricht|anfang\s+der\s+weitergeleiteten"
    r"|message\s+transféré|début\s+du\s+message\s+(?:transféré|réexpédié)|mensaje\s+reenviado|inicio\s+del\s+mensaje\s+reenviado"
    r"|messaggio\s+(?:inoltrato|originale\s+inoltrato)|inizio\s+messaggio\s+inoltrato|mensagem\s+(?:encaminhada|reencaminhada)"
    r"|doorgestuurd\s+bericht|begin\s+doorgestuurd|przekazana\s+wiadomość|początek\s+przekazanej|iletilen\s+(?:ileti|mesaj)|yönlendirilmiş"
    r"|転送(?:された)?メッセージ|転送\s*-|转发的?邮件|轉寄|전달된\s*(?:메시지|메일)"
)
_RULE = re.compile(r"^[\s>]*(?:[-_*=~—–]{2,}|begin\b|anfang\b|début\b|inicio\b|inizio\b|początek\b)", re.IGNORECASE)
# The labels of a quoted message's head, as Outlook and others put them above what they quote.
_HEAD_FROM = re.compile(
    r"(?i)^[\s>*_]*(?:from|von|de|da|van|od|gönderen|kimden|från|fra|от|差出人|送信者|发件人|發件人|寄件者|보낸\s*사람|보낸이)\s*\*{0,2}\s*[:：]"
)
_HEAD_OTHER = re.compile(
    r"(?i)^[\s>*_]*(?:sent|date|to|cc|subject|reply-to|gesendet|datum|an|betreff|envoyé|à|objet|enviado(?:\s+(?:el|em))?|fecha|data|para|asunto"
    r"|assunto|inviato|a|oggetto|verzonden|aan|onderwerp|wysłano|do|temat|gönderildi|gönderme\s+tarihi|tarih|kime|bilgi|konu"
    r"|送信日時|日時|日付|宛先|件名|发送时间|日期|時間|收件人|主题|主旨|傳送時間|抄送|보낸\s*날짜|날짜|받는\s*사람|제목|참조|skickat|till|ämne)"
    r"\s*\*{0,2}\s*[:：]"
)
_DEVICE = re.compile(
    r"(?i)^\s*(?:sent\s+(?:from|via|with)\s+(?:my|mobile|yahoo|outlook|proton|samsung|mail|the)|get\s+outlook|(?:von|mit)\s+mein(?:em|er)\b.{0,60}\bgesendet"
    r"|gesendet\s+(?:von|mit)|envoyé\s+(?:de(?:puis)?|à\s+partir)|enviado\s+(?:desde|do|a\s+partir|de\s+meu)|inviato\s+da|verzonden\s+(?:vanaf|met|met\s+mijn)"
    r"|wysłan[eoa]\s+z|(?:iphone|ipad|android)\S*\s+gönderildi|iphone['’]umdan|iphoneから送信|从我的.{1,20}发送|发自我的|나의\s+\S+에서\s+보냄|yahoo\s+mail\b)"
)
_LEAVING = (
    r"(?:unsubscrib|opt(?:ing)?[ -]?out|no\s+longer\s+(?:wish|want)\s+to\s+receive|stop\s+receiving|be\s+removed"
    r"|abmeld|abzumelden|abbestell|abzubestellen|austragen|auszutragen"
    r"|nicht\s+mehr\s+erhalten|désabonn|désinscri|ne\s+(?:plus|souhaitez\s+plus)|darse\s+de\s+baja|dejar\s+de\s+recibir|cancelar|anular"
    r"|disiscri|cancellar|non\s+desideri|descadastr|remover|uitschrijv|afmeld|wypisa|wypisz|zrezygnowa|aboneli|listeden|配信停止|配信の停止|購読解除"
    r"|退订|退訂|取消订阅|取消訂閱|수신\s*거부|구독\s*취소)"
)
# Lines that tell how to leave a list: "To unsubscribe, click here: https://...". A line in which a person speaks of
# themselves ("I clicked unsubscribe ten times") is none.
_FOOTER = re.compile(rf"(?i){_LEAVING}")
_LINK = re.compile(
    r"(?i)https?://|www\.|mailto:|\bclick\s+(?:here|on|the|this|below)\b|\bclicking\b|\bvisit\b|\breply\s+(?:with|to\s+this)|\bsend\s+(?:an?\s+)?(?:blank\s+)?(?:e-?mail|message)|\+unsubscribe@"
    r"|klick|clique[rz]?\b|haga\s+clic|pulse|clicca|clique\b|klik|kliknij|tıkla|こちら|クリック|点击|點擊|请回复|클릭|\bmanage\s+(?:your\s+)?(?:preferences|subscription)"
    r"|\bpreferences\b|(?:\bhier|\bici|\baquí|\baqui|\bqui|\bhere|\btutaj|\buradan)\s*[.!>)»]*\s*$"
)
# "Please unsubscribe this address" asks us; "please click here to unsubscribe" tells a reader how to.
_POLITE = (
    r"(?:please|kindly|\bpls\b|\bplz\b|bitte|merci\s+d|veuillez|s['’]il\s+vous\s+pla|por\s+favor|per\s+favore|per\s+cortesia|gelieve|alstublieft"
    r"|alsjeblieft|graag|proszę|prosimy|lütfen|お願い|ください|烦请|請您?|부탁)"
)
_WAY = (
    r"(?:click|visit|link|button|follow|go\s+to|reply|send|log\s*in|select|tap|press|\buse\b"
    r"|klick|besuch|cliqu|\blien\b|clic|enlace|pulse|visit|collegamento|klik|tıkla|bağlant)"
)
_ASKS_US = re.compile(rf"(?i){_POLITE}(?:(?!{_WAY})[^.!?\n]){{0,40}}{_LEAVING}|{_LEAVING}[^.!?\n]{{0,40}}{_POLITE}\s*(?:[,.!]|$)")
_SPEAKER = re.compile(
    r"(?i)\b(?:i|i'm|i’m|ive|i've|i’ve|me|my|we|us|our|ich|mich|mir|mein\w*|wir|uns|je|j'|moi|mon|ma|mes|nous|yo|mí|mis|mi|io|mio|mia|miei|eu"
    r"|meu|minha|ik|mij|mijn|wij|ons|ja|mnie|mój|moje|mojego|ben|beni|benim|bana)\b|私|わたし|我|저|나를|제\s"
)
# What else asks, for finding a request within what was taken away; models/texts reads what stays.
_ASKING = (
    rf"(?:{_LEAVING}|\bremov(?:e|al|ing)\b|\btake\b.{{0,40}}\boff\b|\bdelet|\beras|\bstop\b|\bforget\b|lösch|entfern|\bnehm\w*\b.{{0,40}}\baus\b|streich"
    r"|verteiler|supprim|retir|efface|radie|borr|elimin|sacar|saque|baja\b|rimuov|togli|elimin|cancell|cancel|exclu|apag|\bsair\b|remov|verwijder|\bhaal\b|schrap"
    r"|usun|usuń|wykreśl|skreśl|çıkar|\bsil(?:in|iniz)?\b|削除|解除|停止|删除|移除|取消|삭제|해지|제거)"
)
# One person, and not a company: "our list" and "contact us" are the words of those who send.
_MYSELF = (
    r"(?:\b(?:i|i['’]m|i['’]ve|ive|me|my|mine|ich|mich|mir|meine?[nmrs]?|je|j['’]|moi|mon|ma|mes|yo|mis?|mí|io|mio|mia|miei|eu|meus?|minhas?|ik|mij|mijn|mnie"
    r"|mój|moje|mojego|ben|beni|benim|bana|quiero|deseo|darme|voglio|vorrei|quero|desejo|chcę|istiyorum|istemiyorum)\b|dadme|dénme|désabonnez-moi|cancellatemi|rimuovetemi|私|わたし|我|저를|제\s|나를)"
)
_ASKING_WORD = re.compile(rf"(?i){_ASKING}")
_MYSELF_WORD = re.compile(rf"(?i){_MYSELF}")
_GOES_ON = re.compile(rf"(?i)[:：]\s*\w+\s+\w|{_ASKING}")
_SENTENCE = re.compile(r"[^.!?。！？\n]+")
# "Notify me and delete this mail" is a disclaimer's, and "to unsubscribe" a footer's, whoever wrote it.
_TELL = re.compile(
    r"(?i)(?:^\s*to\s+(?:unsubscribe|opt)|^\s*(?:if|should)\s+you\b|^\s*(?:falls|wenn|sollten)\s+sie\b|^\s*si\s+(?:vous|usted|no)\b|^\s*(?:se|indien|als|jeśli|jeżeli|eğer)\b"
    r"|\b(?:notify|inform|contact|advise|tell|call|alert|e-?mail|let)\s+(?:me|us)\b|(?:informieren|benachrichtigen|kontaktieren)\s+sie"
    r"|(?:prévenir|avertir|informer|aviser|avisar|informar|avvis|informeren|powiadom))"
)
_SIGNATURE = re.compile(r"^\s*(?:--|—)\s*$")
_CONTACT = re.compile(r"@|https?://|www\.|(?:\d[\s()./-]{0,3}){6}")
_MOST_SIGNATURE = 10  # lines
# What companies foot every mail with: it asks strangers to delete a mail, and is nobody's wish. To the end of its paragraph,
# unless somebody asks for themselves in it.
_DISCLAIMER = re.compile(
    r"(?i)(?:not|n[’']êtes\s+pas|no\s+es|non\s+(?:è|siete)|não\s+é|niet|nie\s+jest|nicht)\b.{0,40}(?:intended\s+(?:recipient|addressee)"
    r"|addressee|(?:richtige|beabsichtigte|vorgesehene)\w*\s+(?:adressat|empfänger)|destinataire|destinatari[oa]|beoogde\s+ontvanger|geadresseerde"
    r"|adresat|zamierzonym)|intended\s+(?:solely|only)\s+for|alıcısı\s+değilseniz|(?:e-?mail|message|communication)\b.{0,60}\bconfidential"
    r"|vertrauliche\s+informationen|(?:機密|秘密)情報|受信者でない|机密信息|非.{0,6}收件人|수신인이\s*아닌|기밀\s*정보"
)
_QUOTED = re.compile(r"^[ \t]{0,3}(?:>|\|(?:\s|$)|&gt;)")
_FORWARD_SUBJECT = re.compile(r"(?i)^\s*(?:fwd?|fw|wg|tr|rv|i|enc|doorst|pd|ilt|转发|轉寄|転送|전달)\s*[:：]")
_ATTRIBUTION_LINES = 3


@dataclass(frozen=True)
class Words:
    """What a person wrote themselves."""

    text: str
    has_quote: bool
    is_forward: bool
    is_cut: bool
    quoted: str
    """What was taken away, as far as somebody's address may stand in it: the lines above a quote."""
    taken_asks: bool = False
    """Whether something was taken away, without a mark that it is quoted, in which somebody may ask for themselves."""


def new_words(text: str) -> Words:  # noqa: PLR0912, PLR0915  one branch for each thing that is not new
    """A text without what it quotes or forwards, without signatures and footers of lists."""
    text = text.replace("\u00a0", " ").replace("\u200b", "").replace("\ufeff", "")
    lines = text.split("\n")
    kept: list[str] = []
    taken: list[str] = []
    unmarked: list[str] = []
    footers: list[str] = []
    has_quote = is_forward = is_doubtful = False
    place = 0
    while place < len(lines):
        line = lines[place].rstrip()
        if not line:
            kept.append("")
            place += 1
            continue
        if _QUOTED.match(line):
            has_quote = True
            _take_attribution(kept, taken)
            place += 1
            continue
        if any(kept) and (length := _signature(lines, place)):
            taken += lines[place : place + length]
            unmarked += lines[place : place + length]
            place += length
            continue
        if _DISCLAIMER.search(line):
            length = _paragraph(lines, place)
            paragraph = lines[place : place + length]
            said = "\n".join(paragraph)[:MOST_TEXT]
            if asks_for_self(said):
                kept += paragraph
            else:
                is_doubtful |= _asks(said, _FOOTER) and not all(map(_is_footer, filter(_FOOTER.search, paragraph)))
            place += length
            continue
        rule = _RULE.match(line) is not None
        if rule and _FORWARDED.search(line):
            is_forward = has_quote = True
            taken += lines[place:]
            break
        if (rule and _ORIGINAL.search(line)) or _starts_head(lines, place):
            has_quote = True
            taken += lines[place:]
            unmarked += lines[place:]
            break
        if (length := _attribution(lines, place)) > 0:
            has_quote = True
            taken += lines[place : place + length]
            place += length
            rest = next((other for other in lines[place:] if other.strip()), "")
            if not _QUOTED.match(rest):
                taken += lines[place:]
                unmarked += lines[place:]
                break
            continue
        # "Sent from my phone: unsubscribe me" goes on with words.
        if _DEVICE.match(line) and len(line) < 120 and not _GOES_ON.search(line):
            place += 1
            continue
        if _is_footer(line):
            taken.append(line)
            footers.append(line)
            place += 1
            continue
        kept.append(line)
        place += 1
    # A footer stands below something; what is all that was written is a letter.
    if footers and not has_quote and not any(line.strip() for line in kept):
        kept = footers
    new = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip().strip("_-=*").strip()
    asks = asks_for_self("\n".join(line for line in unmarked if not _QUOTED.match(line) and not _is_footer(line))[:MOST_TEXT])
    return Words(new[:MOST_TEXT], has_quote, is_forward, len(new) > MOST_TEXT, "\n".join(taken[:40]), asks or is_doubtful)


def asks_for_self(text: str) -> bool:
    """Whether one sentence of a text has somebody speak of themselves and a word that asks."""
    return _asks(text, _ASKING_WORD, _MYSELF_WORD)


def _asks(text: str, *words: re.Pattern[str]) -> bool:
    """Whether one sentence holds all of these words, and none that disclaimers ask strangers with."""
    return any(
        all(word.search(sentence) for word in words) and not _TELL.search(sentence) for sentence in _SENTENCE.findall(text)
    )


def _paragraph(lines: list[str], place: int) -> int:
    """How many lines from here on are one paragraph."""
    end = place
    while end < len(lines) and lines[end].strip() and not _QUOTED.match(lines[end]):
        end += 1
    return end - place


def _is_footer(line: str) -> bool:
    """Whether a line tells how to leave a list, and is no line of somebody who asks to."""
    return bool(_FOOTER.search(line) and _LINK.search(line) and not _SPEAKER.search(line) and not _ASKS_US.search(line))


def _signature(lines: list[str], place: int) -> int:
    """How many lines from here on are a signature: below "-- " whatever it is, below "--" what holds an address or a number.

    It ends at what is quoted below it. Many letters go on behind a rule of dashes.
    """
    if not _SIGNATURE.match(lines[place]):
        return 0
    end = next((other for other in range(place + 1, len(lines)) if _QUOTED.match(lines[other])), len(lines))
    block = [line for line in lines[place + 1 : end] if line.strip()]
    is_marked = lines[place] == "-- "
    is_contact = len(block) <= _MOST_SIGNATURE and any(_CONTACT.search(line) for line in block)
    return end - place if is_marked or is_contact else 0


def _attribution(lines: list[str], place: int) -> int:
    """How many lines from here on say who wrote what is quoted below; 0 when they do not.

    What is not marked as quoted is taken for it only where they name an address: "As I wrote on 2 March:" begins no quote.
    """
    joined = ""
    for length in range(1, _ATTRIBUTION_LINES + 1):
        if place + length > len(lines) or not lines[place + length - 1].strip():
            return 0
        joined = f"{joined} {lines[place + length - 1].strip()}".strip()
        if len(joined) > 400:
            return 0
        following = next((other for other in lines[place + length :] if other.strip()), "")
        says_so = _WROTE.search(joined) is not None and _DATED.search(joined) is not None
        if says_so and (_QUOTED.match(following) or ("@" in joined and joined.endswith((":", "：", ":*")))):
            return length
        if length == 1 and not (_STARTS_ATTRIBUTION.match(joined) or "@" in joined or _DATED.search(joined)):
            return 0
    return 0


def _take_attribution(kept: list[str], taken: list[str]) -> None:
    """Move what introduces a quote in words that nobody listed ("2026-03-02 10:00 Acme <news@...>:") to what was taken."""
    while kept and not kept[-1]:
        kept.pop()
    if kept and kept[-1].endswith((":", "：")) and "@" in kept[-1] and _DATED.search(kept[-1]):
        taken.append(kept.pop())
    kept.append("")


def _starts_head(lines: list[str], place: int) -> bool:
    """Whether the head of a quoted message begins here: who it is from, and two more of its labels close by.

    Forms on web pages have a name, a date and a subject too: two labels make a head below a rule or with an address only.
    """
    if not _HEAD_FROM.match(lines[place]):
        return False
    near = [line for line in lines[place + 1 : place + 9] if line.strip()][:6]
    labels = [line for line in near if _HEAD_OTHER.match(line)]
    above = next((line for line in reversed(lines[max(0, place - 3) : place]) if line.strip()), "")
    is_marked = _RULE.match(above) is not None or any("@" in line for line in (lines[place], *labels))
    return len(labels) >= (2 if is_marked else 3)


def forwards(subject: str) -> bool:
    """Whether a subject says that the mail is passed on."""
    return _FORWARD_SUBJECT.match(subject) is not None
