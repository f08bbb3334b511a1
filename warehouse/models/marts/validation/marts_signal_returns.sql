-- One row per channel, instrument, bar interval, bar and horizon: the bar's score, and what the price did
-- from the first moment at which one could have acted on it.

with

days as (

    select
        calendar_date,
        open_at,
        close_at,
        -- In the closing auction there is one price, and it is the close.
        coalesce(closing_auction_at, close_at) as last_entry_before,
        -- A special session whose hours nobody wrote down cannot be traded on paper.
        min(case when open_at is not null then calendar_date end) over (
            order by calendar_date rows between 1 following and unbounded following
        ) as next_session
    from {{ ref('processed_calendar_days') }}

),

-- A daily bar is one that lasts the session.
price_bars as (

    select
        bars.instrument,
        bars.symbol,
        bars.trading_date,
        days.open_at,
        days.close_at,
        days.last_entry_before,
        bars.open,
        bars.close,
        bars.is_flat,
        bars.bar_interval = '1d' as is_daily,
        {{ bar_minutes('bars.bar_interval') }} as minutes,
        case when bars.bar_interval = '1d' then days.open_at else bars.bar_start end as bar_start
    from {{ ref('validated_price_bars') }} as bars
    inner join days on bars.trading_date = days.calendar_date
    where bars.is_in_session and days.open_at is not null

),

timed as (

    select
        *,
        minutes * interval '1 minute' as duration,
        least(close_at, bar_start + minutes * interval '1 minute') as bar_end
    from price_bars

),

series as (

    select
        instrument,
        trading_date,
        symbol,
        minutes,
        is_daily,
        min(bar_start) as first_at,
        max(bar_end) as last_at,
        {{ latest('open', seconds_between('bar_start', 'close_at')) }} as first_price,
        {{ latest('is_flat', seconds_between('bar_start', 'close_at')) }} as is_first_flat,
        {{ latest('close', 'bar_end') }} as last_price,
        {{ latest('is_flat', 'bar_end') }} as is_last_flat,
        sum({{ seconds_between('bar_start', 'bar_end') }}) as covered_seconds,
        max(sum({{ seconds_between('bar_start', 'bar_end') }})) over (
            partition by instrument, trading_date, is_daily
        ) as most_covered_seconds,
        min(bar_start - duration) < min(open_at) and max(bar_end + duration) > max(close_at) as is_whole
    from timed
    group by instrument, trading_date, symbol, minutes, is_daily

),

ranked_series as (

    select
        *,
        row_number() over (
            partition by instrument, trading_date, is_daily
            order by {{ finest_series('covered_seconds', '0.9 * most_covered_seconds') }}
        ) as intraday_rank,
        row_number() over (
            partition by instrument, trading_date, is_whole order by minutes, symbol
        ) as whole_rank
    from series

),

-- Prices within a session are those of its finest series.
ticks as (

    select
        timed.instrument,
        timed.trading_date,
        timed.duration,
        timed.bar_start,
        timed.bar_end,
        timed.open,
        timed.close,
        timed.is_flat
    from timed
    inner join ranked_series as chosen
        on
            timed.instrument = chosen.instrument
            and timed.trading_date = chosen.trading_date
            and timed.symbol = chosen.symbol
            and timed.minutes = chosen.minutes
    where not chosen.is_daily and chosen.intraday_rank = 1 and timed.bar_start < timed.last_entry_before

),

-- A session's first and last price are those of the finest series that reaches from its open to its close.
sessions as (

    select * from ranked_series
    where is_whole and whole_rank = 1

),

priced as (

    select distinct instrument from series

),

scored as (

    select
        channel,
        instrument,
        bar_interval,
        bar_start,
        bar_end,
        score,
        score_available_at,
        availability_basis,
        is_backfilled,
        model_version,
        case
            when instrument = 'MARKET' then '{{ var("market_price_instrument") }}' else instrument
        end as price_instrument
    from {{ ref('marts_signal_bars') }}
    where score is not null

),

bars as (

    select
        scored.*,
        days.last_entry_before,
        case
            when
                scored.score_available_at >= days.open_at
                and scored.score_available_at < days.last_entry_before
                then days.calendar_date
        end as this_session,
        case
            when scored.score_available_at < days.open_at then days.calendar_date else days.next_session
        end as next_session
    from scored
    inner join priced on scored.price_instrument = priced.instrument
    inner join days on cast({{ to_ist('scored.score_available_at') }} as date) = days.calendar_date

),

-- The first price after the score was known; none where that price bar is missing.
entered as (

    select
        bars.*,
        ticks.bar_start as tick_at,
        ticks.open as tick_price,
        ticks.is_flat as is_tick_flat
    from bars
    left join ticks
        on
            bars.price_instrument = ticks.instrument
            and bars.this_session = ticks.trading_date
            and bars.score_available_at <= ticks.bar_start
            and bars.score_available_at > ticks.bar_start - ticks.duration

),

horizons as (

    select * from {{ ref('validation_horizons') }}

),

asked as (

    select
        entered.*,
        horizons.horizon,
        horizons.horizon_minutes,
        case
            when horizons.horizon = 'next_day' then entered.next_session else entered.this_session
        end as return_date
    from entered
    inner join horizons on entered.bar_interval = horizons.bar_interval
    where horizons.horizon = 'next_day' or entered.this_session is not null

),

bought as (

    select
        asked.*,
        asked.tick_at + asked.horizon_minutes * interval '1 minute' as target_at,
        sessions.last_at,
        sessions.last_price,
        sessions.is_last_flat,
        case when asked.tick_at is null then asked.next_session else asked.this_session end as entry_date,
        case
            when asked.tick_at is not null or asked.horizon <> 'next_day' then asked.tick_at
            else sessions.first_at
        end as entry_at,
        case
            when asked.tick_at is not null or asked.horizon <> 'next_day' then asked.tick_price
            else sessions.first_price
        end as entry_price,
        case
            when asked.tick_at is not null or asked.horizon <> 'next_day' then asked.is_tick_flat
            else sessions.is_first_flat
        end as is_entry_flat
    from asked
    left join sessions
        on asked.price_instrument = sessions.instrument and asked.return_date = sessions.trading_date

),

-- The last price by then; none where that price bar is missing.
sold as (

    select
        bought.*,
        bought.target_at > bought.last_entry_before as is_past_close,
        case when bought.horizon_minutes is null then bought.last_at else ticks.bar_end end as exit_at,
        case when bought.horizon_minutes is null then bought.last_price else ticks.close end as exit_price,
        case
            when bought.horizon_minutes is null then bought.is_last_flat else ticks.is_flat
        end as is_exit_flat
    from bought
    left join ticks
        on
            bought.price_instrument = ticks.instrument
            and bought.return_date = ticks.trading_date
            and bought.entry_at <= ticks.bar_start
            and bought.target_at >= ticks.bar_end
            and bought.target_at < ticks.bar_end + ticks.duration

),

judged as (

    select
        *,
        case
            when entry_at is null then 'no_entry_price'
            when is_past_close then 'past_close'
            when exit_at is null then 'no_exit_price'
            -- What has not moved for so long is the feed's last word, not a price that one can have.
            when is_entry_flat or is_exit_flat then 'flat_price'
            else 'complete'
        end as return_status
    from sold

)

select
    channel,
    instrument,
    bar_interval,
    bar_start,
    bar_end,
    horizon,
    score,
    score_available_at,
    availability_basis,
    is_backfilled,
    model_version,
    price_instrument,
    case when return_status = 'complete' then entry_date end as entry_date,
    entry_at,
    entry_price,
    case when return_status = 'complete' then return_date end as return_date,
    case when return_status = 'complete' then exit_at end as exit_at,
    case when return_status = 'complete' then exit_price end as exit_price,
    case when return_status = 'complete' then exit_price / entry_price - 1 end as forward_return,
    return_status
from judged
