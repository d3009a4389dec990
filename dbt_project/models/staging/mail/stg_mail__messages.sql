-- depends_on: {{ ref('readings') }}

with source as (

    select * from {{ source('raw', 'mail__messages') }}

),

files as (

    select * from {{ ref('stg_quietlist__files') }}

),

readings as (

    select * from {{ ref('readings') }}
    where place = 'mail'

),

-- Letters that name somebody who is not us.
naming as (

    select distinct
        source._file_id,
        source.content_hash
    from source
    inner join files on source._file_id = files.file_id
    where
        source.about_place <> '0'
        and coalesce(source.about_from, '') <> 'words_about_a_sender'
        and not {{ is_our_address('source.about', 'files.our_addresses') }}

),

messages as (

    select
        {{ record_columns() }},
        files.scope,
        files.timezone,
        files.our_addresses,
        source.*,
        {{ read_time('source.arrived_at', 'files.timezone', 'files.received_at') }} as arrived,
        {{ read_time('source.sent_at', 'files.timezone', 'files.received_at') }} as sent,
        {{ bare_subject('source.subject') }} as subject_given,
        {{ is_answer('source.subject') }} as is_answer,
        {{ is_our_address('source.sender', 'files.our_addresses') }} as is_from_us,
        {{ is_our_address('source.about', 'files.our_addresses') }} as is_about_us,
        {{ is_leaving_address('source.recipients') }} as is_to_leave,
        {{ is_automatic_answer('source.auto_submitted', 'source.precedence', 'source.auto_reply', 'source.subject') }}
            as is_automatic,
        {{ is_away_subject('source.subject') }} as is_away,
        {{ is_reply_by_machine('source.auto_submitted', 'source.precedence', 'source.auto_reply') }} as is_reply_by_machine,
        {{ matches('source.apple_unsubscribe', '(?i)true|yes|1') }} as is_one_tap,
        -- A group of ours passes letters on under its own name: its list is the very address that was written to.
        source.list_id is not null and (
            {{ is_among(first_match('source.list_id', '<?([^<>\\s]+)>?\\s*$'), "replace(source.recipients, '@', '.')") }}
            or {{ is_our_address(
                "'list@' || " ~ first_match('source.list_id', '<?[^<>.\\s]+[.]([^<>\\s]+)>?\\s*$'), 'files.our_addresses'
            ) }}
        ) as is_of_our_group,
        coalesce(source.about_place, '0') = '0' as is_the_writer,
        naming.content_hash is not null as names_others,
        coalesce(source.listed_addresses, '0') <> '0' as holds_list
    from source
    inner join files on source._file_id = files.file_id
    left join naming on source._file_id = naming._file_id and source.content_hash = naming.content_hash

),

read_messages as (

    select
        messages.*,
        -- One word in a long letter ("remove", "stop", "unsubscribe" in a footer that nobody knows) is for a person to read:
        -- forty words are a letter, no line.
        case
            when
                said.certainty = 'ambiguous'
                and ({{ count_words('said.phrase') }} = 1 or said.phrase = 'remove beside number')
                and {{ count_words('messages.message_text') }} > 40
                then 'weak'
            else said.meaning
        end as text_said,
        said.certainty as text_certainty,
        said.doubt as text_doubt,
        subject.meaning as subject_said,
        subject.certainty as subject_certainty,
        -- Letters through a web form or a group come from an address of ours; who wrote them is whom one would answer.
        case
            when
                messages.reply_to is not null
                and (messages.is_from_us or {{ is_among('messages.sender', 'messages.recipients') }})
                and not {{ is_our_address("split_part(messages.reply_to, ';', 1)", 'messages.our_addresses') }}
                then split_part(messages.reply_to, ';', 1)
            when not messages.is_from_us then messages.sender
        end as writer,
        not messages.is_of_our_group and (
            messages.list_unsubscribe is not null
            or messages.list_id is not null
            or {{ matches('messages.precedence', '(?i)^\\s*(?:bulk|list|junk)') }}
        ) as is_bulk
    from messages
    left join readings as said on messages.message_text = said.text
    left join readings as subject on messages.subject_given = subject.text

),

asked as (

    select
        *,
        -- A subject that answers or passes on is not the writer's: it counts where it says nothing but the word, and in doubt.
        case
            when not is_answer or (subject_certainty = 'clear' and {{ count_words('subject_given') }} <= 2) then subject_said
        end as subject_asks,
        coalesce(subject_certainty = 'clear' and not is_answer and {{ action_of_meaning('subject_said') }} <> 'opt_in', false)
            as is_clear_by_subject,
        coalesce({{ action_of_meaning('text_said') }} is not null, false) as text_asks,
        -- The mail that a program writes for somebody who pressed its button; not what answers our own confirmation by itself.
        is_to_leave and not is_away and not is_answer and (
            not is_reply_by_machine or subject_given is null or coalesce(subject_said = 'stop', false)
        ) as is_made_to_leave
    from read_messages

),

understood as (

    select
        *,
        {{ stronger_meaning('text_said', 'subject_asks') }} as asked_for,
        case
            when report = 'delivery' then {{ bounce_verdict('bounce_action', 'bounce_status', 'bounce_reason') }}
        end as bounce
    from asked

),

meanings as (

    select
        *,
        case
            when report = 'feedback'
                then
                    case
                        when {{ matches('feedback_type', '^(?:abuse|fraud|complaint|phishing|spam)$') }} then 'complaint'
                        when {{ matches('feedback_type', '^(?:opt-?out|opt-?out-list|unsubscribe)$') }} then 'feedback_opt_out'
                        when
                            {{ matches('feedback_type', '^(?:auth-failure|virus|not-spam|dmarc|dkim|spf|ham)') }}
                            then 'no_complaint'
                        else 'unclear_feedback'
                    end
            when report = 'delivery' then 'bounce_' || bounce
            when report is not null then report
            when not is_the_writer and is_about_us then 'our_own_address'
            when not is_the_writer and asked_for <> 'start' and not is_bulk and not is_automatic
                then case when about_from = 'words_about_a_sender' then 'perhaps_our_address' else asked_for end
            when not is_the_writer then 'address_named'
            -- Before any filter of automatic mails: Apple's one-tap mail says of itself that it is one.
            when is_one_tap and coalesce(asked_for, 'start') = 'start' then 'stop'
            when is_from_us and writer is null then case when is_forward = 'true' then 'forwarded' else 'our_own_mail' end
            when is_clear_by_subject and asked_for is not null and not (is_bulk and list_unsubscribe is not null) then asked_for
            -- Programs that write for people say of themselves that they are programs, and some that they are bulk.
            when
                (is_automatic or is_bulk) and is_made_to_leave and coalesce(asked_for, 'start') in ('start', 'stop')
                and not (is_bulk and list_unsubscribe is not null)
                then 'stop'
            when is_automatic and (
                text_asks or text_said in ('wrong_number', 'disconnected', 'undeliverable')
            ) then 'automatic_asks'
            when is_automatic then 'automatic_answer'
            when
                is_bulk and list_unsubscribe is null and text_from = 'plain' and text_certainty = 'clear' and asked_for <> 'start'
                then asked_for
            when is_bulk and text_certainty = 'clear' and text_asks and text_said <> 'start' then 'list_mail_asks'
            when is_bulk and is_clear_by_subject and asked_for is not null then 'list_mail_asks'
            -- Newsletters reach that address too, but they say something.
            when is_bulk and is_made_to_leave and message_text is null then 'list_mail_asks'
            when is_bulk then 'newsletter'
            when holds_list and not ({{ speaks_of_self('message_text') }} and asked_for is not null) then 'attached_list'
            when is_to_leave and coalesce(asked_for, 'start') = 'start' then 'stop'
            when names_others and asked_for = 'deceased' then 'about_another'
            when names_others and asked_for <> 'start' and not {{ speaks_of_self('message_text') }} then 'about_another'
            when asked_for = 'start' and not coalesce(text_said = 'start' and text_certainty = 'clear', false) then 'nothing'
            when asked_for is not null then asked_for
            -- "This is not what I ordered", "wrong size": of a mail these words say less than of a text.
            when
                text_said in ('wrong_number', 'disconnected', 'undeliverable')
                or (subject_said in ('wrong_number', 'disconnected', 'undeliverable') and not is_answer)
                then 'perhaps_wrong_person'
            when is_forward = 'true' then 'forwarded'
            when text_said = 'weak' or (message_text is null and subject_said = 'weak' and not is_answer) then 'weak'
            when is_cut = 'true' then 'too_long'
            when taken_asks = 'true' then 'taken_text_asks'
            when message_text is not null and text_said is null then 'unread'
            when message_text is not null then coalesce(text_said, 'nothing')
            when images <> '0' or attachments <> '0' then 'no_words'
            -- A page from which no text came may be one that was read wrongly.
            when text_from in ('html', 'both') and coalesce(has_quote, 'false') <> 'true' then 'no_words'
            when has_quote = 'true' or subject_given is null then 'no_text'
            else 'nothing'
        end as meaning
    from understood

),

judged_meanings as (

    select
        *,
        case
            when meaning in ('complaint', 'unclear_feedback', 'feedback_opt_out') and report = 'feedback'
                then
                    case
                        when about_from = 'hidden' then 'hidden_recipient'
                        when about is null or is_about_us then 'no_recipient'
                    end
            when
                meaning = 'bounce_dead' and (about is null or about_from = 'hidden' or is_about_us)
                then 'bounce_without_recipient'
        end as lacking
    from meanings

),

meant as (

    select
        file_id,
        record_no,
        source,
        vendor,
        feed,
        source_region,
        snapshot_at,
        received_at,
        scope,
        case when arrived.earliest is not null then arrived_at else sent_at end as time_text,
        case when arrived.earliest is not null then arrived else sent end as said_at,
        case
            when lacking = 'bounce_without_recipient' then 'not_a_request'
            when lacking is not null then 'quarantine'
            when meaning = 'bounce_echo' then 'echo'
            when
                meaning in ('bounce_dead', 'unclear_feedback', 'feedback_opt_out')
                or {{ action_of_meaning('meaning') }} is not null
                then 'request'
            when
                meaning in (
                    'weak', 'unread', 'no_text', 'no_words', 'too_long', 'forwarded', 'attached_list', 'about_another',
                    'automatic_asks',
                    'list_mail_asks',
                    'perhaps_wrong_person',
                    'perhaps_our_address',
                    'taken_text_asks',
                    'bounce_unclear',
                    'notification',
                    'abuse_desk'
                )
                then 'quarantine'
            else 'not_a_request'
        end as outcome,
        coalesce(lacking, case meaning
            when 'weak' then 'stop_like_text'
            when 'unread' then 'unread_text'
            when 'no_words' then 'picture_or_attachment_only'
            when 'attached_list' then 'attached_list_of_addresses'
            when 'notification' then 'notification_as_mail'
            when 'abuse_desk' then 'abuse_desk_report'
            when 'bounce_unclear' then 'unclear_bounce'
            when 'bounce_echo' then 'suppressed_at_provider'
            when 'receipt' then 'read_receipt'
            when 'yes' then 'yes_is_ambiguous'
            when 'nothing' then 'ordinary_mail'
            when 'bounce_dead' then null
            when 'unclear_feedback' then null
            when 'feedback_opt_out' then null
            else case when {{ action_of_meaning('meaning') }} is null then meaning end
        end) as outcome_reason,
        coalesce(message_id || '#', '') || content_hash || '#' || coalesce(about_place, '0') as event_key,
        case
            when meaning = 'bounce_dead' then 'undeliverable'
            when meaning = 'unclear_feedback' then 'complaint'
            when meaning = 'feedback_opt_out' then 'opt_out'
            else {{ action_of_meaning('meaning') }}
        end as action,
        case
            when report = 'feedback' then 'spam_complaint'
            when report = 'delivery' then 'bounce'
            when is_one_tap or is_to_leave then 'list_unsubscribe'
            when is_automatic and is_clear_by_subject then 'list_unsubscribe'
            else 'email_reply'
        end as method,
        case
            when report is not null then ['email']
            -- "Neither call nor mail me": the reading knows the stronger word only.
            when
                meaning = 'stop_calls'
                and (
                    'stop' in (text_said, subject_asks)
                    or {{ speaks_of_mail('message_text') }}
                    or {{ speaks_of_mail('subject_given') }}
                )
                then ['email', 'sms', 'voice']
            else coalesce({{ channels_of_meaning('meaning', "['email']") }}, ['email'])
        end as channels,
        case
            when report is not null and coalesce(about_from, '') <> 'hidden' and not is_about_us then {{ list_of_one('about') }}
            when report is not null then {{ empty_list() }}
            when not is_the_writer then {{ list_of_one('about') }}
            else {{ list_of_one('writer') }}
        end as emails_raw,
        case
            when meaning = 'unclear_feedback' then 'unclear_feedback'
            when report = 'feedback' and about_from in ('attached_to', 'verp') and names_others and about_count <> '1'
                then 'one_of_several'
            when report is not null then null
            when not is_the_writer then 'named_by_another'
            when is_one_tap then null
            when names_others and holds_list then 'attached_list_of_addresses'
            when names_others then 'names_another'
            when meaning = 'deceased' then 'about_another'
            when is_clear_by_subject then null
            when is_to_leave and message_text is null and (subject_given is null or not (is_automatic or is_bulk)) then null
            when is_bulk then 'through_a_list'
            when is_automatic and is_made_to_leave then 'to_unsubscribe_address'
            when meaning = text_said and text_doubt is not null then text_doubt
            when meaning = text_said then null
            when is_to_leave then 'to_unsubscribe_address'
            when subject_asks = meaning then 'by_subject_only'
        end as doubt,
        case when report is null and is_the_writer then sender_name end as name,
        case when meaning = 'unclear_feedback' then 'feedback_type' end as unknown_column,
        case when meaning = 'unclear_feedback' then feedback_type end as unknown_value
    from judged_meanings

),

final as (

    {{ final_requests(has=['event_key', 'emails_raw', 'name', 'doubt', 'unknown_column', 'unknown_value']) }}

)

select * from final
