-- What the headers and the reports of mails mean, where several models ask. Patterns only: the words of people are read in
-- models/texts, and what a mail is for is the staging model's.

-- A subject without the marks of answers, of forwards and of gateways: 'Re: [EXT] unsubscribe' -> 'unsubscribe'.
{% macro bare_subject(subject) -%}
    {{ return(adapter.dispatch('bare_subject')(subject)) }}
{%- endmacro %}

{% macro duckdb__bare_subject(subject) -%}
    nullif(trim(regexp_replace({{ subject }}, '^(?:\s*(?:\[[^\]]{1,40}\]|{{ subject_marks() }}\s*(?:\[\d+\])?\s*[:：]))+', '', 'i')), '')
{%- endmacro %}

-- How mail programs of many languages mark an answer or a forward, before the colon.
{% macro subject_marks() -%}
(?:re|aw|sv|vs|antw|odp|ynt|rif|r|ref|res|fwd?|fw|wg|tr|rv|enc|doorst|pd|ilt|回复|答复|回覆|返信|转发|轉寄|転送|회신|답장|전달)
{%- endmacro %}

{% macro is_answer(subject) -%}
    {{ matches(subject, '(?i)^(?:\\s*\\[[^\\]]{1,40}\\])*\\s*' ~ subject_marks() ~ '\\s*(?:\\[\\d+\\])?\\s*[:：]') }}
{%- endmacro %}

-- Whether an address is the company's own: one of `ours`, which is addresses and @domains joined by ';'.
{% macro is_our_address(address, ours) -%}
    coalesce(
            {{ contains_text("';' || " ~ ours ~ " || ';'", "';' || lower(" ~ address ~ ") || ';'") }}
            or {{ contains_text("';' || " ~ ours ~ " || ';'", "';@' || split_part(lower(" ~ address ~ "), '@', 2) || ';'") }},
            false
        )
{%- endmacro %}

-- Whether an address is one of those joined by ';'.
{% macro is_among(address, addresses) -%}
    coalesce({{ contains_text("';' || lower(" ~ addresses ~ ") || ';'", "';' || lower(" ~ address ~ ") || ';'") }}, false)
{%- endmacro %}

-- Whether one of the recipients is an address that is written to in order to leave: unsubscribe+token@, opt-out-17.ab@, leave-x@.
{% macro is_leaving_address(recipients) -%}
    {{ matches(
        recipients,
        '(?i)(?:^|[;+._=-])(?:(?:list-?)?unsub(?:scribe)?s?|opt-?outs?|opt_out|sign-?off|leave|remove-?me|removal|abmelde?n?|abmeldung|abbestellen'
        ~ '|desinscri(?:re|ption)|desabonn(?:er|ement)|baja|disiscri(?:vimi|zione)|cancellami|uitschrijven|afmelden|wypisz|rezygnacja)'
        ~ '(?:[+._=0-9-][^;@]*)?@'
    ) }}
{%- endmacro %}

-- Whether a mail was sent by a program in answer to one of ours.
{% macro is_automatic_answer(auto_submitted, precedence, auto_reply, subject) -%}
    (
            {{ matches(auto_submitted, '(?i)^\\s*auto') }}
            or {{ is_reply_by_machine(auto_submitted, precedence, auto_reply) }}
            or {{ is_away_subject(subject) }}
        )
{%- endmacro %}

-- Whether the headers say that a program answered, and not only that one wrote.
{% macro is_reply_by_machine(auto_submitted, precedence, auto_reply) -%}
    (
            {{ matches(auto_submitted, '(?i)^\\s*auto-(?:replied|notified)') }}
            or {{ auto_reply }} is not null
            or {{ matches(precedence, '(?i)^\\s*auto[-_]?reply') }}
        )
{%- endmacro %}

-- Whether a subject says that its writer is away, or that a program answers.
{% macro is_away_subject(subject) -%}
    {{ matches(
        subject,
        '(?i)^(?:\\s*\\[[^\\]]{1,40}\\]\\s*)?(?:auto(?:matic|mated|matische?|mática|matica|matique)?[-_ :]?(?:reply|response|antwort|antwoord|answer)|auto(?:matic)?\\s*[:：]'
        ~ '|out of (?:the )?office|ooo:|away from|on (?:vacation|holiday|leave)|i am (?:away|out)|abwesenheit|abwesend|nicht im (?:büro|haus)|urlaub'
        ~ '|réponse automatique|absence du bureau|absent|respuesta autom|fuera de (?:la )?oficina|risposta automatica|fuori (?:sede|ufficio)|assente'
        ~ '|resposta autom|fora do escrit|afwezig|automatisch antwoord|odpowied. autom|autoodpowied|poza biurem|otomatik (?:yanıt|cevap)|ofis dışında'
        ~ '|自動応答|自動返信|不在|自动回复|自動回覆|外出|자동\\s*(?:회신|응답)|부재)'
    ) }}
{%- endmacro %}

-- Why a mail was sent back: dead (there is no such address), later (a delay or a passing fault), refused (the mail, not the
-- address, was at fault, or the mailbox is full), echo (a provider dropped it because of an older suppression), else unclear.
{% macro bounce_verdict(action, status, reason) -%}
    {%- set dead = '(?i)user\\s+(?:is\\s+)?unknown|unknown\\s+(?:local\\s+)?(?:user|recipient|address|mailbox|account|domain)|no\\s+such\\s+(?:user|recipient|address|mailbox|person|account|domain|host|local)'
        ~ '|(?:user|recipients?|mailbox|account|addressee?|address(?:es)?|person|domain|host|name|e-?mail|userid|box)\\b[^.;\\n]{0,70}?(?:not\\s+(?:be\\s+)?found|unknown|does\\s*n.?t\\s+exist|does\\s+not\\s+exist|not\\s+exist|invalid|not\\s+known|not\\s+recogni[sz]ed|(?:is|was|been)\\s+(?:disabled|closed|deactivated|discontinued|cancel|terminated|deleted|removed)|disabled\\s+or\\s+discontinued|inactive|no\\s+longer|not\\s+listed|not\\s+(?:a\\s+)?valid|not\\s+unique|unavailable|not\\s+available|does\\s*n.?t\\s+have|does\\s+not\\s+have|not\\s+accepted\\s+here)'
        ~ '|(?:invalid|unknown|bad|nonexist[ea]nt|non-exist[ea]nt|illegal|unrouteable|unroutable|incorrect|undeliverable)\\s+(?:final\\s+)?(?:delivery\\s+)?(?:recipient|user|address|mailbox|destination|account|e-?mail|domain|host|userid)'
        ~ '|no\\s+(?:mailbox|account|user)\\s+(?:here|by|with|of)|not\\s+(?:a\\s+valid|our|known)\\s+(?:mailbox|user|recipient|address|customer)|(?:host|domain)(?:\\s+or\\s+domain)?(?:\\s+name)?\\s+not\\s+found|name\\s+service\\s+error|no\\s+mx|recipient(?:\\s+address)?\\s+rejected|address\\s+rejected|does\\s+not\\s+like\\s+recipient'
        ~ '|there\\s+is\\s+no\\s+one\\s+(?:at|by)|no\\s+one\\s+(?:at|by)\\s+that|isn.t\\s+a\\s+(?:valid\\s+)?user|is\\s+not\\s+a\\s+(?:user|known)|cannot\\s+be\\s+resolved|couldn.t\\s+find\\s+any\\s+host|address\\s+not\\s+found|permanent\\s+noemail|permanent\\s+general|does\\s+not\\s+have\\s+an?\\s+\\S+\\s+account|doesn.t\\s+have\\s+an?\\s+\\S+\\s+account'
        ~ '|unbekannt|existiert\\s+nicht|nicht\\s+gefunden|inconnu|existe\\s+pas|desconocid|no\\s+existe|sconosciut|non\\s+esiste|desconhecid|não\\s+existe|onbekend|bestaat\\s+niet|nieznan|nie\\s+istnieje|bulunamad|存在し|宛先不明|見つかりません|不存在|无此|查无|존재하지|없는\\s*(?:사용자|주소|메일)' -%}
    {%- set refused = '(?i)\\bspam|unsolicited|black-?\\s?list|block(?:ed)?[-\\s]?list|\\bblocked\\b|dnsbl|\\brbl\\b|spamhaus|polic(?:y|ies)|reputation|content\\s+(?:rejected|filter)|virus|infected|\\bbanned\\b|forbidden|dmarc|\\bspf\\b|dkim|gr[ea]y-?list|rate\\s*limit|too\\s+many|throttl|try\\s+again|tempor|full\\b|over\\s*-?quota|quota|exceed|storage|disk|insufficient|too\\s+(?:large|big)|size\\s+limit|\\bloop|hop\\s+count|time(?:d)?[-\\s]?out|connection\\s+(?:refused|reset|timed)|expired|relay(?:ing)?\\s+(?:access\\s+)?(?:is\\s+)?(?:denied|not|prohibited)|unable\\s+to\\s+relay|authenticat|not\\s+authori[sz]ed|permission|access\\s+denied|reverse\\s+dns|restrict|not\\s+accept(?:ing|ed)?\\s+(?:mail|messages?)\\s+from|only\\s+accepts|moderat|not\\s+allowed|suspended|postponed|delayed|will\\s+(?:be\\s+)?(?:retr|continue)|mail\\s+box\\s+space|容量|满|已满|いっぱい|超過' -%}
    {%- set dead_status = "^5\\.(?:1\\.(?:0|1|2|3|4|6|10)|2\\.1)$" -%}
    case
        when {{ matches(reason, '(?i)permanent\\s+(?:on)?(?:account)?suppress') }} then 'echo'
        when {{ matches(action, '(?i)^(?:delay|relay|deliver|expand)') }} or {{ matches(status, '^[24]\\.') }} then 'later'
        -- A policy, a full mailbox, a size: whatever the words beside it, the address lives.
        when {{ matches(status, '^5\\.(?:7\\.|2\\.[23]$|3\\.4$)') }} then 'refused'
        when {{ matches(status, dead_status) }} and ({{ matches(reason, dead) }} or not {{ matches(reason, refused) }}) then 'dead'
        when {{ matches(reason, refused) }} then 'refused'
        when {{ matches(reason, dead) }} then 'dead'
        when {{ matches(reason, '(?i)^transient|^undetermined') }} then 'later'
        when {{ matches(status, '^5\\.[3-6]\\.') }} then 'refused'
        else 'unclear'
    end
{%- endmacro %}

-- Of what two texts of one mail mean, the one that contacts fewest people; null when neither asks.
{% macro stronger_meaning(one, other) -%}
    case
        {% for meaning in ['erasure', 'deceased', 'stop_everything', 'stop_calls', 'stop', 'complaint', 'start'] -%}
        when '{{ meaning }}' in ({{ one }}, {{ other }}) then '{{ meaning }}'
        {% endfor -%}
    end
{%- endmacro %}

-- Whether a writer speaks of themselves: "remove me", and not "remove the address below".
{% macro speaks_of_self(text) -%}
    {{ matches(
        text,
        '(?i)\\b(?:i|me|my|mine|myself|us|our|ich|mich|mir|meine?[nmrs]?|uns|unsere?\\w*|je|moi|mon|ma|mes|nous|notre|yo|mí|mis|mi|nos|nuestr[oa]s?|io|mio|mia|mie|noi|eu|meus?|minhas?|nosso|ik|mij|mijn|ons|ja|mnie|mój|moje|mojego|mojej|nas|ben|beni|benim|bana|bizi)\\b|私|わたし|僕|我|저를|제\\s|나를|내\\s'
    ) }}
{%- endmacro %}

-- Whether a letter speaks of mail: one against calls that does so is read as being against both.
{% macro speaks_of_mail(text) -%}
    {{ matches(text, '(?i)mail|newsletter|correo|courriel|posta elettr|e-?posta|bülten|boletín|メール|郵件|邮件|메일|이메일|wiadomo') }}
{%- endmacro %}
