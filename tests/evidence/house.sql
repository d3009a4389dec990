-- The rows of tests/evidence's house. Variables as_of and people are set; keyed_hash(text) is there.

create or replace temp macro email_of(i) as 'canary' || i || '@example.com';
create or replace temp macro phone_of(i) as '+1201555' || lpad((i % 10000)::varchar, 4, '0');
create or replace temp table person as
select
    i, md5('request ' || i) as request_id, md5('file ' || (i % 40)) as file_id,
    ['newsletter', 'shop', 'hotline', 'letters'][1 + i % 4] as source,
    case when i % 29 = 0 then 'erasure' when i % 13 = 0 then 'complaint' when i % 11 = 0 then 'undeliverable'
        when i % 97 = 0 then 'deceased' else 'opt_out' end as action,
    ['esp_unsubscribe', 'web_form', 'call_disposition', 'letter'][1 + i % 4] as method,
    case i % 4 when 2 then ['voice'] when 3 then ['all'] else ['email'] end as channels,
    case when i % 4 = 0 then 'acme/newsletter' when i % 9 = 0 then 'acme' else '*' end as scope,
    getvariable('as_of') - to_hours(((i * 7919) % 4800)::int) - to_minutes((i % 60)::int) as asked_at,
    ['US', 'US-CA', 'GB', null][1 + i % 4] as region
from range(getvariable('people')) as numbers(i);

insert into policy.channels values ('email', 'email'), ('voice', 'phone'), ('sms', 'phone'), ('fax', 'phone'), ('postal', 'postal'),
    ('ads', 'email'), ('ads', 'phone');
insert into policy.actions values ('opt_out', true), ('complaint', true), ('erasure', true), ('deceased', true), ('undeliverable', true),
    ('opt_in', false);
insert into policy.lifting_methods values ('web_form', 'email', 'opt_out'), ('preference_center', 'email', 'opt_out'),
    ('preference_center', 'email', 'complaint'), ('sms_keyword', 'sms', 'opt_out');
insert into policy.rules values
    ('US-CANSPAM', 'US', 'email', 'direct_request', 10, 'business_day', 'request_received', '15 USC 7704(a)(3)-(5); 16 CFR 316.5', 'https://example.org', 'V', 'in_force', 'US CAN-SPAM Act: e-mail opt-out'),
    ('US-TSR-ENTITY', 'US', 'voice', 'direct_request', 0, 'immediate', 'request_made', '16 CFR 310.4(b)(1)(iii)(A)', 'https://example.org', 'V', 'in_force', 'US Telemarketing Sales Rule: do not call me again'),
    ('US-FCC-INTERNAL', 'US', 'voice', 'direct_request', 10, 'business_day', 'request_received', '47 CFR 64.1200(d)(3), (d)(6)', 'https://example.org', 'S', 'contested', 'US company do-not-call list: calls'),
    ('UK-POST', 'GB', 'postal', 'direct_request', 2, 'calendar_month', 'request_received', 'ICO guidance, old figures', null, 'M', 'in_force', 'UK: post'),
    ('COMPANY-PROMISE', '*', 'any', 'company_promise', null, 'hour', 'request_received', null, null, 'V', 'in_force', 'The company''s own promise');
insert into policy.registries values ('us_ftc', 'US', 'voice;sms', 'US-FCC-NATDNC', 'area_code', 31, '47 CFR 64.1200(c)(2)', 'V'),
    ('uk_fps', 'GB', 'fax', 'UK-FPS', 'whole', 28, 'PECR 2003 reg. 20, 25', 'M');

insert into raw.landed_files by name
select md5('file ' || f) as file_id, sha256('bytes ' || f) as sha256, sha256('bytes ' || f) as delivered_sha256,
    ['newsletter', 'shop', 'hotline', 'letters'][1 + f % 4] as source, 'canonical' as vendor,
    case when f <> 39 then 'requests' end as feed, 'canary list of Canaria ' || f || '.csv' as name, 1000 + f as size_bytes,
    getvariable('as_of') - to_days((90 - 2 * f)::int) as received_at
from range(40) as numbers(f);
insert into raw.source_settings values ('newsletter', 'requests', 'acme/newsletter', 'America/New_York', null, true, null);

insert into ledger.requests by name
select request_id, source, 'canonical' as vendor, 'requests' as feed, action, method, channels, scope,
    case when i % 50 = 3 then 'loyalty <b>club</b> of canary' || i || '@example.com' else scope end as scope_given,
    strftime(asked_at, '%Y-%m-%d %H:%M:%S') as time_text, asked_at as at_earliest, asked_at as at_latest,
    case when i % 60 = 5 then 'ambiguous' when i % 75 = 7 then 'none' else 'instant' end as time_quality,
    asked_at + to_hours(5) as first_seen, file_id, i // 40 + 1 as record_no,
    case when i % 4 in (0, 1) then [email_of(i)] when i % 12 = 3 then [email_of(i)] else [] end::varchar[] as emails,
    case when i % 4 = 2 then [phone_of(i)] else [] end::varchar[] as phones,
    case when i % 4 = 3 and i % 12 <> 3 then 'canaria person ' || i || '|1 quiet lane|12345|US' end as postal_key,
    'C' || i as customer_id, region, case when i % 90 = 11 then 'free_text' end as doubt, 1 + (i % 3) as records
from person;
insert into ledger.requests by name
select md5('opt-in ' || i) as request_id, 'shop' as source, 'canonical' as vendor, 'requests' as feed, 'opt_in' as action,
    case when i % 3 = 0 then 'import' else 'web_form' end as method, ['email'] as channels, '*' as scope, '*' as scope_given,
    asked_at + to_days(2) as at_earliest, asked_at + to_days(2) as at_latest, 'instant' as time_quality, asked_at + to_days(2) as first_seen, file_id,
    1000 + i as record_no, [email_of(i)] as emails, []::varchar[] as phones, 1 as records
from person where i % 14 = 7 and i % 4 in (0, 1);

insert into ledger.conservation by name
select files.file_id, files.source, files.vendor, files.feed, files.received_at,
    count(person.i) * 3 + 25 as records_read, count(person.i) as entries, count(person.i) * 2 as duplicates, 5 as echoes, 18 as not_requests,
    2 as quarantined, case when files.file_id = md5('file 11') then 3 else 0 end as difference
from raw.landed_files as files left join person on files.file_id = person.file_id
where files.feed is not null
group by all;
insert into ledger.quarantine
select file_id, 900 + n, source, case n when 0 then 'reader' else 'request' end, case n when 0 then 'ragged_row' else 'no_usable_identifier' end,
    null as decision
from raw.landed_files, range(2) as numbers(n) where feed is not null;

insert into identity.node_points
select 'r:' || request_id, false, null, 'email', unnest(emails), first_seen, '', true from ledger.requests where action <> 'opt_in'
union all select 'r:' || request_id, false, null, 'phone', unnest(phones), first_seen, '', true from ledger.requests
union all select 'c:C' || i, true, 'C' || i, 'email', email_of(i), asked_at - to_days(100), '', true from person
union all select 'c:C' || i, true, 'C' || i, 'phone', phone_of(i), asked_at - to_days(100), '', true from person;
insert into identity.links
select 'r:' || request_id, 'email:' || email_of(i) from person where i % 12 = 3
union all select 'c:C' || i, 'email:' || email_of(i) from person where i % 12 = 3;
insert into identity.person_of_node
select 'r:' || request_id, 'c:C' || i from person where i % 12 = 3 union all select 'c:C' || i, 'c:C' || i from person where i % 12 = 3;
insert into identity.contact_points
select coalesce(persons.person, points.node), points.identifier_type, points.identifier, count(*) filter (where points.is_customer), min(points.first_seen)
from identity.node_points as points left join identity.person_of_node as persons on points.node = persons.node
group by all;

insert into golden.applied_requests
select request_id, channel, identifier_type, identifier, scope, action, basis, at_earliest, at_latest, first_seen from (
    select requests.*, channels.channel, channels.identifier_type, 'direct' as basis,
        unnest(case channels.identifier_type when 'email' then requests.emails when 'phone' then requests.phones else list_filter([requests.postal_key], lambda key: key is not null) end) as identifier
    from ledger.requests as requests
    inner join policy.channels as channels on list_contains(requests.channels, channels.channel) or list_contains(requests.channels, 'all')
    where requests.action <> 'opt_in'
    union all by name
    select requests.*, channels.channel, channels.identifier_type, 'person' as basis, points.identifier
    from ledger.requests as requests
    inner join identity.person_of_node as persons on 'r:' || requests.request_id = persons.node
    inner join policy.channels as channels on list_contains(requests.channels, 'all')
    inner join identity.contact_points as points on persons.person = points.person and channels.identifier_type = points.identifier_type
    where not list_contains(requests.emails, points.identifier)
);
insert into golden.int_opt_ins
select request_id, method, scope, scope, at_earliest, first_seen, 'email', 'email', unnest(emails) from ledger.requests where action = 'opt_in';
insert into golden.int_lifts
select applied.request_id, applied.request_id, null, applied.channel, applied.identifier_type, applied.identifier, applied.scope,
    opt_ins.request_id, applied.scope, true, opt_ins.at_earliest, opt_ins.first_seen
from golden.applied_requests as applied
inner join golden.int_opt_ins as opt_ins
    on applied.channel = opt_ins.channel and applied.identifier = opt_ins.identifier and opt_ins.at_earliest > applied.at_latest
inner join policy.lifting_methods as methods
    on opt_ins.method = methods.method and applied.channel = methods.channel and applied.action = methods.action;
insert into golden.suppression_history
select applied.request_id, applied.request_id, null, applied.channel, applied.identifier_type, applied.identifier, applied.scope,
    applied.action, applied.basis, null, applied.at_earliest, lifts.lifted_from, applied.known_from, null
from golden.applied_requests as applied
left join golden.int_lifts as lifts
    on applied.request_id = lifts.request_id and applied.channel = lifts.channel and applied.identifier = lifts.identifier;
create or replace temp table ruled as
select distinct requests.request_id, applied.channel, requests.at_earliest,
    case when applied.channel = 'email' then 'US-CANSPAM' when applied.channel = 'voice' and requests.region = 'GB' then 'US-TSR-ENTITY'
        when applied.channel = 'voice' then 'US-FCC-INTERNAL' when applied.channel = 'postal' then 'UK-POST' else 'COMPANY-PROMISE' end as rule_id
from ledger.requests as requests
inner join golden.applied_requests as applied on requests.request_id = applied.request_id;
insert into deadlines.request_rules by name
select ruled.request_id, ruled.channel, ruled.rule_id, rules.trigger, rules.jurisdiction, true as is_strictest,
    at_earliest as starts_at, at_earliest + case ruled.rule_id when 'US-TSR-ENTITY' then to_hours(0) when 'COMPANY-PROMISE' then to_hours(24)
        when 'UK-POST' then to_days(60) else to_days(14) end as deadline_at,
    at_earliest + to_hours(24) as target_at, rules.citation, rules.verification
from ruled left join policy.rules as rules on ruled.rule_id = rules.rule_id;

insert into golden.golden_suppression by name
select applied.channel, applied.identifier_type, applied.identifier, keyed_hash(applied.identifier) as identifier_hash, applied.scope,
    case when applied.request_id = md5('request 12') then ['acme/newsletter/weekly'] else [] end::varchar[] as except_scopes,
    any_value(applied.action) as reason, min(applied.basis) as basis, min(applied.at_earliest) as suppressed_since,
    min(applied.at_earliest) as first_requested_at, max(applied.at_earliest) as last_requested_at, count(distinct applied.request_id) as request_count,
    min(applied.request_id) as deciding_request_id, ['shop'] as sources, any_value(applied.region) as region, any_value(rules.rule_id) as rule_id
from (select applied.*, requests.region from golden.applied_requests as applied inner join ledger.requests as requests on applied.request_id = requests.request_id) as applied
left join deadlines.request_rules as rules on applied.request_id = rules.request_id and applied.channel = rules.channel
where not exists (select 1 from golden.int_lifts as lifts where lifts.request_id = applied.request_id and lifts.channel = applied.channel)
group by applied.channel, applied.identifier_type, applied.identifier, applied.scope, applied.request_id;
insert into golden.golden_suppression by name
select 'voice' as channel, 'phone' as identifier_type, '+12015559901' as identifier, keyed_hash('+12015559901') as identifier_hash, '*' as scope,
    []::varchar[] as except_scopes, 'registry' as reason, 'registry' as basis, getvariable('as_of') - to_days(40) as suppressed_since, 0 as request_count,
    ['us_ftc'] as sources, 'us_ftc' as registry, '2026-10-14-full' as registry_version;

insert into raw.sync__row_state
select destination, system, channel, identifier_type, identifier, scope, true, wanted_at, wanted_at + to_hours(1), wanted_at + to_hours(1),
    case when state = 'verified' then wanted_at + to_hours((1 + i % 200)::int) end, verify_class, state, true, 2,
    case when state = 'rejected' then 'invalid_address' end
from (
    select row_number() over (order by identifier, channel, scope) as i, *, last_requested_at + to_hours((4 + hash(identifier) % 40)::int) as wanted_at,
        case channel when 'email' then 'mail_system' when 'ads' then 'ads_audience' else 'dialler_list' end as destination,
        case channel when 'email' then 'sql_table' when 'ads' then 'sql_table' else 'file_drop' end as system,
        case channel when 'email' then 'full' when 'ads' then 'point' else 'none' end as verify_class,
        case when channel in ('voice', 'sms') then 'sent' when i % 61 = 0 then 'missing' when i % 83 = 0 then 'rejected' when i % 47 = 0 then 'sent'
            else 'verified' end as state
    from golden.golden_suppression where channel in ('email', 'ads', 'voice', 'sms') and basis <> 'registry'
);
insert into deadlines.clocks
select rules.request_id, rules.channel, rules.rule_id, destination, true, destination is null, starts_at, deadline_at, target_at, accepted_at, ended_at,
    case when ended_at is not null then 'verified' end,
    case when ended_at > deadline_at then 'late' when ended_at is not null then 'on_time' when getvariable('as_of') > deadline_at then 'overdue'
        when getvariable('as_of') + to_hours(24) >= deadline_at then 'at_risk' else 'open' end,
    case when ended_at > target_at then 'late' when ended_at is not null then 'on_time' when getvariable('as_of') > target_at then 'overdue' else 'open' end,
    false, false, starts_at
from deadlines.request_rules as rules
inner join (
    select applied.request_id, applied.channel, any_value(destination) as destination, max(accepted_at) as accepted_at,
        case when count(*) = count(verified_at) then max(verified_at) end as ended_at
    from golden.applied_requests as applied
    inner join raw.sync__row_state as state on applied.channel = state.channel and applied.identifier = state.identifier and applied.scope = state.scope
    group by all
) as ends on rules.request_id = ends.request_id and rules.channel = ends.channel;

insert into golden.unresolved_requests
select request_id, source, region, at_earliest, 'sms' from ledger.requests where action = 'opt_out' order by request_id limit 5;
insert into golden.open_requests by name select request_id, channel, source, at_earliest from golden.unresolved_requests;
insert into golden.unmatched_echoes
select file_id, record_no, source, 'email', 'email' from ledger.requests order by request_id limit 9;
insert into golden.contradictions by name
select 'opted_in' as kind, 'email' as channel, emails[1] as identifier, source, 'shop' as other_source
from ledger.requests where len(emails) > 0 order by request_id limit 7;
insert into registries.area_versions
select 'us_ftc', area, 1, '2026-10-14-full', getvariable('as_of') - to_days(40) from (values ('202'), ('212'), ('917')) as areas(area)
union all select 'uk_fps', '*', 1, '2026-11-10-full', getvariable('as_of') - to_days(13);
insert into registries.listings values ('us_ftc', '+12015559901', '201', getvariable('as_of') - to_days(40), null, null, '2026-10-14-full', '2026-10-14-full');
insert into registries.unscreened select 'us_ftc', phone_of(i) from person where i % 4 = 2;
insert into deadlines.first_days values ('company', '', null);
insert into exposure.summary
select (getvariable('as_of') - to_days((i % 30)::int))::date, 'dialler', ['dialler', 'mail_system'][1 + i % 2],
    case i % 3 when 0 then 'Autumn <script>alert(1)</script> sale' when 1 then 'Win back canary1@example.com or 201-555-0199' else null end,
    ['voice', 'email'][1 + i % 2],
    case when i % 40 = 0 then 'violation' when i % 15 = 0 then 'in_grace' when i % 7 = 0 then 'before_request' else 'clean' end,
    case when i % 80 = 0 then 'not_pushed' when i % 120 = 0 then 'registry_too_old' when i % 40 = 0 then 'arrived_late' end, 3, false
from range(600) as numbers(i);
-- The violations of that summary, one by one: 15 times three.
insert into exposure.violations by name
select md5('contact ' || i || ' ' || n) as contact_id,
    case when i % 120 = 0 and i % 80 <> 0 then 'registry' else 'request' end as ground,
    md5('file 1') as file_id, i * 3 + n + 1 as record_no, 'dialler' as source, 'canary' || i || '@example.com' as contact_key,
    ['voice', 'email'][1 + i % 2] as channel, case when i % 2 = 0 then 'phone' else 'email' end as identifier_type,
    case when i % 2 = 0 then phone_of(i) else email_of(i) end as identifier, '*' as scope,
    case i % 3 when 0 then 'Autumn <script>alert(1)</script> sale' when 1 then 'Win back canary1@example.com or 201-555-0199' end as campaign,
    ['dialler', 'mail_system'][1 + i % 2] as system, 'Canary Agent' as agent,
    getvariable('as_of') - to_days((i % 30)::int) as contacted_at, contacted_at as contacted_by, false as is_time_uncertain,
    false as is_inherited, case when ground = 'request' then md5('request ' || i) end as request_id,
    case when ground = 'request' then 'shop' end as request_source, 'opt_out' as request_action,
    contacted_at - to_days(20) as asked_at, contacted_at - to_days(6) as deadline_at,
    case when ground = 'registry' then 'us_ftc' end as registry, case when ground = 'registry' then 'registry_too_old' end as registry_finding,
    case when ground = 'registry' then contacted_at - to_days(40) end as copy_obtained_at,
    case when ground = 'registry' then 'US-FCC-NATDNC' else 'US-CANSPAM' end as rule_id, 'A law' as rule_name, 'US' as jurisdiction,
    '§ 1 of it' as citation, 'S' as verification,
    case when i % 80 = 0 then 'not_pushed' when i % 120 = 0 then 'registry_too_old' else 'arrived_late' end as root_cause,
    'it was not pushed yet' as cause, 'pipeline' as answered_by, 'Push more often' as fix
from range(600) as numbers(i), range(3) as times(n) where i % 40 = 0;
insert into exposure.violation_rules by name select contact_id, rule_id, is_inherited from exposure.violations;
insert into exposure.exposure_by_rule by name
select is_inherited, rule_id, 'A law' as rule_name, 'US' as jurisdiction, '§ 1 of it' as citation, count(*) as contacts,
    'up to USD 53088 per e-mail' as penalty, 'USD' as currency, 'contact' as penalty_per, 'S' as penalty_verification,
    '§ 2 of it' as penalty_source, 0 as low, count(*) * 53088 as high
from exposure.violation_rules group by all;
insert into exposure.exposure_by_currency by name
select is_inherited, 'USD' as currency, count(*) as contacts, 0 as low, count(*) * 53088 as high, 10000000 as once_high,
    true as has_unverified_figure
from exposure.violation_rules group by all;

-- The original records of the first persons, and one that no reader could read.
create table raw.canonical__requests (_file_id varchar, _record_no bigint, _extra varchar, requested_at varchar, action varchar, email varchar, note varchar);
insert into raw.canonical__requests
select file_id, i // 40 + 1, '{"clerk":"K"}', strftime(asked_at, '%Y-%m-%d'), action, email_of(i), '' from person where i < 30;
insert into raw.quarantine values (md5('file 1'), 900, 'ragged_row', 'canary1@example.com;;;');
insert into identifiers.contact_point
select distinct identifier_type, identifier, keyed_hash(identifier) from identity.contact_points;
-- Every contact made, one by one: those violations, and a clean one to each tenth person.
insert into exposure.contacts_made by name
select contact_id, source, channel, identifier_type, identifier, scope, campaign, system, contacted_at, contacted_by, is_inherited,
    'violation' as outcome, root_cause, request_id, file_id, record_no
from exposure.violations;
insert into exposure.contacts_made by name
select md5('clean contact ' || i) as contact_id, 'dialler' as source, 'email' as channel, 'email' as identifier_type,
    email_of(i) as identifier, '*' as scope, 'Spring news for canary' || i || '@example.com' as campaign, 'mail_system' as system,
    asked_at - to_days(3) as contacted_at, contacted_at as contacted_by, false as is_inherited, 'before_request' as outcome,
    md5('file 1') as file_id, 5000 + i as record_no
from person where i % 10 = 0;
