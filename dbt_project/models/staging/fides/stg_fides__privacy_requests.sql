-- A request may hold several rules: the gravest counts. Of an erasure in a state that nobody knows the person asked all the same:
-- it counts, and the state is listed.
{{ mapped_requests('fides__privacy_requests', {
    'time': 'created_at', 'key': 'request_id', 'email': ['email', 'email_alone'], 'phone': ['phone', 'phone_alone'], 'channels': ['all'],
    'cases': [
        {'when': {'rules': {'matches': '"action_type": *"erasure"'}, 'status': 'identity_unverified'}, 'quarantine': 'not_verified'},
        {'when': {'rules': {'matches': '"action_type": *"erasure"'}, 'status': ['denied', 'canceled', 'cancelled', 'duplicate']}, 'quarantine': 'refused_request'},
        {'when': {'rules': {'matches': '"action_type": *"erasure"'}, 'status': ['pending', 'approved', 'in_processing', 'complete', 'error', 'paused', 'requires_input', 'requires_manual_finalization', 'awaiting_email_send', 'pending_external']}, 'action': 'erasure', 'method': 'privacy_request', 'at': 'company'},
        {'when': {'rules': {'matches': '"action_type": *"erasure"'}}, 'action': 'erasure', 'method': 'privacy_request', 'at': 'company', 'unlisted': 'status'},
        {'when': {'rules': {'matches': '"action_type": *"consent"'}}, 'quarantine': 'consent_request'},
        {'when': {'rules': {'matches': '"action_type": *"(?:access|update)"'}}, 'not_a_request': 'access_request'},
    ],
}) }}
