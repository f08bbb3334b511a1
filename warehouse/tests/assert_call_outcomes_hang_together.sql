-- No trade begins before its post or ends after its window, targets gain, stops lose, and what is not
-- judged has a reason and no numbers.
select
    tweet_id,
    call_number,
    outcome
from {{ ref('marts_call_outcomes') }}
where
    entry_at < posted_at
    or exit_at <= entry_at
    or exit_at > expires_at
    or resolved_at < coalesce(exit_at, posted_at)
    or (outcome = 'target_first' and gross_return_pct <= 0)
    or (outcome = 'stop_first' and gross_return_pct >= 0)
    or (outcome in ('target_first', 'stop_first', 'expired')) <> (entry_at is not null)
    or (entry_at is not null and net_return_pct is null)
    or worst_excursion_pct > 0
    or best_excursion_pct < 0
    or gross_return_pct > best_excursion_pct + 1e-9
    or gross_return_pct < worst_excursion_pct - 1e-9
    or (outcome = 'not_judged') <> (not_judged_reason is not null)
    or (outcome = 'not_judged') <> (resolved_at is null)
