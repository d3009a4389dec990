# ruff: noqa: E501  # whole lines of mails stay whole
"""Answers to a newsletter as six mail programs write them in twelve languages, each quoting the newsletter's own footer.

The layouts are the programs' own (attributions, head blocks, quoting, HTML classes); people, words and addresses are invented.
"""

from __future__ import annotations

import quopri
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass

CLIENTS = ("gmail", "outlook", "apple", "thunderbird", "yahoo", "phone")
COMPANY = "news@acme.example.com"


@dataclass(frozen=True)
class Tongue:
    """How people of one language ask, chat, and how programs quote in it."""

    name: str
    charset: str
    asks: tuple[str, ...]
    chats: tuple[str, ...]
    footer: str
    gmail: str
    apple: str
    thunderbird: str
    head: tuple[str, str, str, str]
    original: str
    device: str
    answer: str


TONGUES = (
    Tongue(
        "en", "us-ascii",
        ("Please unsubscribe me from this list.", "Take me off your mailing list", "Stop emailing me.",
         "Hello,\n\nI would like to be removed from your mailing list, please.\n\nKind regards,\nAda", "unsubscribe", "Remove my email address"),
        ("Thanks, the blue one please.", "When will the shop open again?", "Great offer, I ordered two.\n\nBest,\nAda", "See you on Monday then.",
         "Could you send me the invoice again?", "We loved it!"),
        "To unsubscribe click here: https://acme.example.com/u/17",
        "On Mon, Mar 2, 2026 at 10:00 AM Acme News <news@acme.example.com> wrote:",
        "On Mar 2, 2026, at 10:00 AM, Acme News <news@acme.example.com> wrote:",
        "On 3/2/26 10:00 AM, Acme News wrote:",
        ("From", "Sent", "To", "Subject"), "Original Message", "Sent from my iPhone", "Re: Spring is here",
    ),
    Tongue(
        "de", "iso-8859-1",
        ("Bitte melden Sie mich vom Newsletter ab.", "Bitte nehmen Sie mich aus dem Verteiler.", "Keine weiteren E-Mails bitte!",
         "Guten Tag,\n\nbitte löschen Sie mich aus Ihrem Verteiler.\n\nMit freundlichen Grüßen\nAda", "abmelden", "Ich möchte keine Mails mehr von Ihnen bekommen."),
        ("Danke, ich nehme den blauen.", "Wann öffnet der Laden wieder?", "Schönes Angebot, ich habe zwei bestellt.\n\nGrüße\nAda", "Bis Montag!",
         "Können Sie mir die Rechnung noch einmal schicken?", "Das hat uns sehr gefallen."),
        "Wenn Sie den Newsletter nicht mehr erhalten möchten, klicken Sie hier, um sich abzumelden: https://acme.example.com/u/17",
        "Am Mo., 2. März 2026 um 10:00 Uhr schrieb Acme News <news@acme.example.com>:",
        "Am 02.03.2026 um 10:00 schrieb Acme News <news@acme.example.com>:",
        "Am 02.03.26 um 10:00 schrieb Acme News:",
        ("Von", "Gesendet", "An", "Betreff"), "Ursprüngliche Nachricht", "Von meinem iPhone gesendet", "AW: Der Frühling ist da",
    ),
    Tongue(
        "fr", "iso-8859-15",
        ("Merci de me désabonner.", "Veuillez me retirer de votre liste de diffusion.", "Arrêtez de m'envoyer des mails.",
         "Bonjour,\n\nje ne souhaite plus recevoir vos mails.\n\nCordialement,\nAda", "désinscription", "Supprimez mon adresse de votre liste svp"),
        ("Merci, je prends le bleu.", "Quand rouvrez-vous la boutique ?", "Belle offre, j'en ai commandé deux.\n\nCordialement,\nAda", "À lundi !",
         "Pouvez-vous me renvoyer la facture ?", "Nous avons adoré."),
        "Pour vous désabonner, cliquez ici : https://acme.example.com/u/17",
        "Le lun. 2 mars 2026 à 10:00, Acme News <news@acme.example.com> a écrit :",
        "Le 2 mars 2026 à 10:00, Acme News <news@acme.example.com> a écrit :",
        "Le 02/03/2026 à 10:00, Acme News a écrit :",
        ("De", "Envoyé", "À", "Objet"), "Message d'origine", "Envoyé de mon iPhone", "RE: Le printemps est là",
    ),
    Tongue(
        "es", "utf-8",
        ("Por favor, dadme de baja.", "Quiero darme de baja de la lista.", "No me envíen más correos.",
         "Hola:\n\nno quiero recibir más correos de ustedes.\n\nSaludos,\nAda", "baja", "Eliminen mi correo de su lista"),
        ("Gracias, me quedo con el azul.", "¿Cuándo abre de nuevo la tienda?", "Buena oferta, pedí dos.\n\nSaludos,\nAda", "¡Hasta el lunes!",
         "¿Me pueden enviar otra vez la factura?", "Nos encantó."),
        "Para darse de baja, haga clic aquí: https://acme.example.com/u/17",
        "El lun, 2 mar 2026 a las 10:00, Acme News (<news@acme.example.com>) escribió:",
        "El 2 mar 2026, a las 10:00, Acme News <news@acme.example.com> escribió:",
        "El 2/3/26 a las 10:00, Acme News escribió:",
        ("De", "Enviado", "Para", "Asunto"), "Mensaje original", "Enviado desde mi iPhone", "RE: Ya es primavera",
    ),
    Tongue(
        "it", "utf-8",
        ("Cancellatemi dalla newsletter, per favore.", "Vorrei disiscrivermi dalla lista.", "Non inviatemi più email.",
         "Buongiorno,\n\nnon voglio più ricevere le vostre mail.\n\nCordiali saluti\nAda", "disiscrivimi", "Rimuovetemi dalla mailing list"),
        ("Grazie, prendo quello blu.", "Quando riapre il negozio?", "Bella offerta, ne ho ordinati due.\n\nSaluti\nAda", "A lunedì!",
         "Potete mandarmi di nuovo la fattura?", "Ci è piaciuto molto."),
        "Per cancellarti clicca qui: https://acme.example.com/u/17",
        "Il giorno lun 2 mar 2026 alle ore 10:00 Acme News <news@acme.example.com> ha scritto:",
        "Il giorno 2 mar 2026, alle ore 10:00, Acme News <news@acme.example.com> ha scritto:",
        "Il 02/03/26 10:00, Acme News ha scritto:",
        ("Da", "Inviato", "A", "Oggetto"), "Messaggio originale", "Inviato da iPhone", "R: La primavera è qui",
    ),
    Tongue(
        "pt", "utf-8",
        ("Por favor, cancele a minha inscrição.", "Quero sair da lista de e-mails.", "Parem de me enviar e-mails.",
         "Olá,\n\nnão quero mais receber os vossos e-mails.\n\nObrigada,\nAda", "descadastrar", "Remova meu e-mail da lista"),
        ("Obrigada, fico com o azul.", "Quando a loja abre de novo?", "Ótima oferta, encomendei dois.\n\nAbraço,\nAda", "Até segunda!",
         "Podem enviar a fatura outra vez?", "Adorámos."),
        "Para cancelar a sua inscrição, clique aqui: https://acme.example.com/u/17",
        "Em seg., 2 de mar. de 2026 às 10:00, Acme News <news@acme.example.com> escreveu:",
        "No dia 2 de mar. de 2026, às 10:00, Acme News <news@acme.example.com> escreveu:",
        "Em 02/03/2026 10:00, Acme News escreveu:",
        ("De", "Enviado", "Para", "Assunto"), "Mensagem original", "Enviado do meu iPhone", "RES: A primavera chegou",
    ),
    Tongue(
        "nl", "utf-8",
        ("Gelieve mij uit te schrijven.", "Haal mij van de mailinglijst.", "Stop met mailen.",
         "Hallo,\n\nik wil geen mails meer ontvangen.\n\nGroeten,\nAda", "uitschrijven", "Verwijder mij uit uw bestand"),
        ("Dank je, ik neem de blauwe.", "Wanneer gaat de winkel weer open?", "Mooi aanbod, ik heb er twee besteld.\n\nGroeten,\nAda", "Tot maandag!",
         "Kunt u mij de factuur nog eens sturen?", "We vonden het prachtig."),
        "Klik hier om u af te melden: https://acme.example.com/u/17",
        "Op ma 2 mrt 2026 om 10:00 schreef Acme News <news@acme.example.com>:",
        "Op 2 mrt. 2026 om 10:00 heeft Acme News <news@acme.example.com> het volgende geschreven:",
        "Op 02-03-2026 om 10:00 schreef Acme News:",
        ("Van", "Verzonden", "Aan", "Onderwerp"), "Oorspronkelijk bericht", "Verstuurd vanaf mijn iPhone", "RE: Het is lente",
    ),
    Tongue(
        "pl", "iso-8859-2",
        ("Proszę mnie wypisać z listy.", "Proszę o usunięcie mnie z listy mailingowej.", "Nie wysyłajcie mi więcej maili.",
         "Dzień dobry,\n\nnie chcę otrzymywać więcej wiadomości.\n\nPozdrawiam\nAda", "wypisz", "Usuńcie mój adres z bazy"),
        ("Dziękuję, wezmę niebieski.", "Kiedy znów otworzycie sklep?", "Świetna oferta, zamówiłam dwa.\n\nPozdrawiam\nAda", "Do poniedziałku!",
         "Czy możecie przesłać fakturę jeszcze raz?", "Bardzo nam się podobało."),
        "Aby się wypisać, kliknij tutaj: https://acme.example.com/u/17",
        "pon., 2 mar 2026 o 10:00 Acme News <news@acme.example.com> napisał(a):",
        "Wiadomość napisana przez Acme News <news@acme.example.com> w dniu 2 mar 2026, o godz. 10:00:",
        "W dniu 02.03.2026 o 10:00, Acme News pisze:",
        ("Od", "Wysłano", "Do", "Temat"), "Wiadomość oryginalna", "Wysłane z iPhone'a", "Odp: Wiosna przyszła",
    ),
    Tongue(
        "tr", "iso-8859-9",
        ("Beni listeden çıkarın lütfen.", "Aboneliğimi iptal edin.", "Bana mail göndermeyin.",
         "Merhaba,\n\nartık e-posta almak istemiyorum.\n\nSaygılar,\nAda", "abonelikten çık", "E-posta adresimi listenizden silin"),
        ("Teşekkürler, mavi olanı alıyorum.", "Mağaza ne zaman açılıyor?", "Güzel teklif, iki tane sipariş ettim.\n\nSaygılar,\nAda", "Pazartesi görüşürüz!",
         "Faturayı tekrar gönderir misiniz?", "Çok beğendik."),
        "Abonelikten çıkmak için buraya tıklayın: https://acme.example.com/u/17",
        "Acme News <news@acme.example.com>, 2 Mar 2026 Pzt, 10:00 tarihinde şunu yazdı:",
        "Acme News <news@acme.example.com> şunları yazdı (2 Mar 2026 10:00):",
        "02.03.2026 10:00 tarihinde Acme News yazdı:",
        ("Kimden", "Gönderildi", "Kime", "Konu"), "Orijinal Mesaj", "iPhone'umdan gönderildi", "YNT: Bahar geldi",
    ),
    Tongue(
        "ja", "iso-2022-jp",
        ("配信停止をお願いします。", "メルマガを解除してください。", "もうメールを送らないでください。",
         "お世話になっております。\n\n今後のメール配信は不要です。\n\nよろしくお願いいたします。", "配信停止", "リストから削除してください"),
        ("ありがとうございます。青いのを買います。", "お店はいつ開きますか。", "素敵なご案内ですね。二つ注文しました。", "また月曜日に。",
         "請求書をもう一度送ってください。", "とても良かったです。"),
        "配信停止はこちらをクリック: https://acme.example.com/u/17",
        "2026年3月2日(月) 10:00 Acme News <news@acme.example.com>:",
        "2026/03/02 10:00、Acme News <news@acme.example.com>のメール:",
        "On 2026/03/02 10:00, Acme News wrote:",
        ("差出人", "送信日時", "宛先", "件名"), "元のメッセージ", "iPhoneから送信", "Re: 春が来ました",
    ),
    Tongue(
        "zh", "gb2312",
        ("请退订。", "请把我从邮件列表中删除。", "不要再给我发邮件了。", "您好，\n\n我不想再收到你们的邮件。\n\n谢谢", "退订", "取消订阅"),
        ("谢谢，我要蓝色的。", "商店什么时候开门？", "不错的优惠，我订了两个。", "星期一见！", "请再发一次发票。", "我们很喜欢。"),
        "如需退订，请点击这里: https://acme.example.com/u/17",
        "Acme News <news@acme.example.com> 于2026年3月2日周一 10:00写道：",
        "在 2026年3月2日，10:00，Acme News <news@acme.example.com> 写道：",
        "在 2026/3/2 10:00, Acme News 写道:",
        ("发件人", "发送时间", "收件人", "主题"), "原始邮件", "发自我的iPhone", "回复：春天来了",
    ),
    Tongue(
        "ko", "euc-kr",
        ("수신거부 부탁드립니다.", "메일링 리스트에서 제 주소를 삭제해 주세요.", "더 이상 메일 보내지 마세요.",
         "안녕하세요.\n\n구독을 취소해 주세요.\n\n감사합니다.", "수신거부", "구독 취소"),
        ("감사합니다. 파란색으로 할게요.", "가게는 언제 다시 여나요?", "좋은 제안이네요. 두 개 주문했습니다.", "월요일에 봐요!",
         "청구서를 다시 보내 주시겠어요?", "정말 마음에 들었어요."),
        "수신거부를 원하시면 여기를 클릭하세요: https://acme.example.com/u/17",
        "2026년 3월 2일 (월) 오전 10:00, Acme News <news@acme.example.com>님이 작성:",
        "2026. 3. 2. 오전 10:00, Acme News <news@acme.example.com> 작성:",
        "2026-03-02 10:00에 Acme News 이(가) 쓴 글:",
        ("보낸 사람", "보낸 날짜", "받는 사람", "제목"), "원본 메시지", "나의 iPhone에서 보냄", "Re: 봄이 왔습니다",
    ),
)  # fmt: skip


def mail(
    words: str,
    *,
    sender: str = "ada@example.com",
    subject: str = "Re: Spring is here",
    to: str = COMPANY,
    charset: str = "utf-8",
    html: str | None = None,
    plain: bool = True,
    headers: str = "",
    message_id: str = "",
    encoding: str = "8bit",
) -> bytes:
    """One mail as a program sends it, with LF line ends."""
    head = (
        "Received: from mx.example.com (mx.example.com [192.0.2.1]) by mail.acme.example.com; Tue, 03 Mar 2026 09:15:30 +0000\n"
        f"From: {sender}\nTo: {to}\nSubject: {_word(subject, charset)}\nDate: Tue, 03 Mar 2026 10:15:00 +0100\n"
        f"Message-ID: <{message_id or abs(hash((words, sender, subject, html)))}@mail.example.com>\nMIME-Version: 1.0\n{headers}"
    ).encode()
    parts = []
    if plain:
        parts.append(_part("text/plain", words, charset, encoding))
    if html is not None:
        parts.append(_part("text/html", html, charset, "quoted-printable"))
    if len(parts) == 1:
        return head + parts[0]
    return (
        head
        + b'Content-Type: multipart/alternative; boundary="=_next"\n\n'
        + b"".join(b"--=_next\n" + part + b"\n" for part in parts)
        + b"--=_next--\n"
    )


def _word(text: str, charset: str) -> str:
    return text if text.isascii() else f"=?{charset}?B?{b64encode(text.encode(charset, 'replace')).decode()}?="


def _part(kind: str, text: str, charset: str, encoding: str) -> bytes:
    raw = text.encode(charset, "xmlcharrefreplace" if kind == "text/html" else "replace")
    if encoding == "quoted-printable":
        raw = quopri.encodestring(raw)
    elif encoding == "base64":
        raw = b64encode(raw) + b"\n"
    elif charset == "iso-2022-jp":
        encoding = "7bit"
    return f"Content-Type: {kind}; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n".encode() + raw + b"\n"


def _quoted(tongue: Tongue) -> str:
    return "\n".join(f"> {line}" for line in ("Spring is here", "", "20 % off everything", "", tongue.footer))


def _paragraphs(words: str) -> str:
    return "".join(f"<div>{line or '<br>'}</div>" for line in words.split("\n"))


def _gmail(tongue: Tongue, words: str, sender: str) -> bytes:
    html = (
        f'<div dir="ltr">{_paragraphs(words)}</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">'
        f'{tongue.gmail.replace("<", "&lt;").replace(">", "&gt;")}<br></div><blockquote class="gmail_quote" style="margin:0px">'
        f"<h1>Spring is here</h1><p>{tongue.footer}</p></blockquote></div>"
    )
    # Gmail wraps the plain form at 76 columns, so that "wrote:" often stands alone.
    attribution = tongue.gmail if len(tongue.gmail) < 70 or " " not in tongue.gmail else "\n".join(tongue.gmail.rsplit(" ", 1))
    plain = f"{words}\n\n{attribution}\n\n{_quoted(tongue)}\n"
    return mail(plain, sender=sender, subject=tongue.answer, html=html, charset="utf-8", encoding="base64")


def _outlook(tongue: Tongue, words: str, sender: str) -> bytes:
    come, sent, to, subject = tongue.head
    html = (
        '<html><head><style>p.MsoNormal {margin:0} .unsubscribe {color:red}</style></head><body><div class="WordSection1">'
        + "".join(f'<p class="MsoNormal">{line or "&nbsp;"}<o:p></o:p></p>' for line in words.split("\n"))
        + '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal">'
        f"<b>{come}:</b> Acme News &lt;news@acme.example.com&gt; <br><b>{sent}:</b> 2. 3. 2026 10:00<br><b>{to}:</b> Ada<br>"
        f"<b>{subject}:</b> Spring is here</p></div></div><p>20 % off</p><p>{tongue.footer}</p></div></body></html>"
    )
    return mail("", sender=sender, subject=tongue.answer, html=html, plain=False, charset=tongue.charset)


def _apple(tongue: Tongue, words: str, sender: str) -> bytes:
    plain = f"{words}\n\n{tongue.device}\n\n> {tongue.apple}\n> \n{_quoted(tongue)}\n"
    return mail(plain, sender=sender, subject=tongue.answer, encoding="quoted-printable")


def _thunderbird(tongue: Tongue, words: str, sender: str) -> bytes:
    plain = f"{tongue.thunderbird}\n{_quoted(tongue)}\n\n{words}\n\n-- \nAda Lovelace\nTo unsubscribe from my life, knock twice\n"
    return mail(plain, sender=sender, subject=tongue.answer, charset=tongue.charset)


def _yahoo(tongue: Tongue, words: str, sender: str) -> bytes:
    html = (
        f'<html><body><div class="ydp yahoo-style-wrap"><div>{_paragraphs(words)}</div></div>'
        f'<div id="yahoo_quoted_1" class="yahoo_quoted"><div>{tongue.gmail.replace("<", "&lt;").replace(">", "&gt;")}</div>'
        f"<div>20 % off<br>{tongue.footer}</div></div></body></html>"
    )
    return mail(
        f"{words}\n\n    {tongue.gmail}\n \n 20 % off\n\n {tongue.footer}\n", sender=sender, subject=tongue.answer, html=html
    )


def _phone(tongue: Tongue, words: str, sender: str) -> bytes:
    come, sent, to, subject = tongue.head
    plain = (
        f"{words}\n\n{tongue.device}\n\n-------- {tongue.original} --------\n{come}: Acme News <news@acme.example.com>\n"
        f"{sent}: 2026-03-02 10:00\n{to}: {sender}\n{subject}: Spring is here\n\n20 % off\n\n{tongue.footer}\n"
    )
    return mail(plain, sender=sender, subject=tongue.answer, charset=tongue.charset, encoding="base64")


_WRITERS: dict[str, Callable[[Tongue, str, str], bytes]] = {
    "gmail": _gmail,
    "outlook": _outlook,
    "apple": _apple,
    "thunderbird": _thunderbird,
    "yahoo": _yahoo,
    "phone": _phone,
}


@dataclass(frozen=True)
class Letter:
    """A mail, and how a person would read it."""

    name: str
    content: bytes
    expected: str
    """``opt_out ada@example.com`` (and other actions), ``doubt opt_out ...`` where a person is to look too, ``review``, ``nothing``."""


def letters() -> Iterator[Letter]:
    """An answer that asks to be left alone, and one that does not, by every program in every language."""
    for tongue in TONGUES:
        for place, client in enumerate(CLIENTS):
            for kind, words in (("asks", tongue.asks[place]), ("chats", tongue.chats[place])):
                sender = f"{kind}.{tongue.name}.{client}@example.org"
                expected = f"opt_out {sender}" if kind == "asks" else "nothing"
                yield Letter(f"{tongue.name}_{client}_{kind}", _WRITERS[client](tongue, words, f"Ada <{sender}>"), expected)
