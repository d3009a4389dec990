"""From a mailbox to records of what each mail is and says: the format ``mail``.

``containers`` cuts mbox files, single mails and JSON pages into messages; ``letters`` turns bytes into text whatever charset they
claim; ``words`` finds what a person wrote; ``reports`` reads what machines send (complaints, bounces, notifications);
``message`` puts one mail's facts together; ``loading`` fills the raw table. What a mail means is the staging model's business.
"""

from orchestration.readers.mail.loading import read_mail

__all__ = ["read_mail"]
