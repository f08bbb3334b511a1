"""What the demo's posters say: sentence patterns by kind and language, and the names they use.

``= kind language`` heads a block, then each line is a pattern (under ``campaign``: one campaign's
advert). ``[a|b]`` picks one alternative, ``{slot}`` takes a value of that moment's market, `` // ``
breaks the line. Languages: ``en``, ``hg`` (Hinglish in Latin letters), ``hi`` (Devanagari).

Companies, handles and links are invented. Real indices appear with the demo's own prices, and real
tickers only in ``watch``, where nothing is claimed about them.
"""

from __future__ import annotations

from functools import cache

SEARCHES = ("#nifty50", "#sensex", "#intraday", "#banknifty")

COMPANIES = (
    ("Zyntara Cables", "ZYNTARA"), ("Kaverix Foods", "KAVERIX"), ("Dhruvonic Pharma", "DHRUVONIC"),
    ("Mohtari Motors", "MOHTARI"), ("Saptoria Finance", "SAPTORIA"), ("Orvalle Textiles", "ORVALLE"),
    ("Nilvarna Paints", "NILVARNA"), ("Tirvano Ports", "TIRVANO"), ("Aksharo Systems", "AKSHARO"),
    ("Bhumantra Infra", "BHUMANTRA"),
)  # fmt: skip
TICKERS = ("RELIANCE", "TCS", "INFY", "HDFCBANK", "ICICIBANK", "SBIN", "ITC", "LT")

# Handles are demo_<noun><number>; the nouns are also the display names.
NOUNS = (
    "chai", "candle", "strike", "theta", "kite", "ledger", "cloud", "mango", "tiffin", "lotus",
    "banyan", "heron", "rupee", "charts", "gamma", "pivot", "wick", "ticker", "bazaar", "sutra",
    "cobra", "falcon", "jamun", "neem", "raga", "sitar", "tabla", "vada", "dhaba", "ghat",
)  # fmt: skip
FILLERS = ("now", "today", "guys", "bhai", "sir", "again", "clearly", "maybe", "folks", "only")

NAMES = {
    "NIFTY50": (("Nifty", "Nifty", "#Nifty50", "nifty", "NIFTY 50", "NF"), "निफ्टी"),
    "BANKNIFTY": (("Bank Nifty", "BankNifty", "#BankNifty", "BNF", "banknifty"), "बैंक निफ्टी"),
    "SENSEX": (("Sensex", "#Sensex", "SENSEX", "sensex"), "सेंसेक्स"),
    "FINNIFTY": (("Finnifty", "#FinNifty", "FINNIFTY"), "फिन निफ्टी"),
}
HOME_TAG = {
    "NIFTY50": "#Nifty50 #nifty50 #NIFTY50",
    "BANKNIFTY": "#BankNifty #banknifty #BANKNIFTY",
    "SENSEX": "#Sensex #sensex #SENSEX",
    "FINNIFTY": "#intraday #Intraday",
}
OTHER_TAGS = (
    "#nifty #StockMarketIndia #trading #OptionsTrading #stockmarket #PriceAction #intraday #Intraday #sensex "
    "#banknifty #nifty50 #optionbuying #sharemarket #NSE #BSE #StocksToWatch #niftyOptions #giftnifty #FnO "
    "#stockmarketcrash #niftycrash #BREAKOUTSTOCKS #investing #swingtrading #शेयरबाजार"
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
EMOJI = {"up": "🚀 📈 🟢 💚 🐂 🔥", "down": "🔻 📉 🔴 🐻 🩸 ⚠️", "flat": "👀 📊 🧘 ☕ 🙏 😅 🤔 ✅"}

_PATTERNS = """
= up en
{i} [holding|respecting|defending] {s1} [nicely|very well|since morning], [looks ready|set up] for {up1}
[Buy on dips|Every dip is a buy] in {i} [as long as|while] {s1} holds, [next stop|targets] {up1} and {up2}
[Long|Added longs in|Staying long] {i} [here|around {spot}], stop below {cutl}, [eyes on|looking for] {up1}
Short covering [has started|visible] in {i}, [sellers trapped|bears will run for cover] above {r1} {bull}
[I am|Still] bullish on {i}. {lo} was the low of the day, [mark it|save this post]
Bulls [are back|in full control], {i} [should|can] [test|touch] {up1} [today itself|before close|this week]
{i} reversal candle from {s1} on the [5|15] min chart, [upside|bounce] towards {up1} [likely|on cards]
[Put writers|PE writers] very aggressive at {s1}, [don't short this|no reason to be short] {i}
Strong [breakout|close] above {r1} is coming in {i}, [my positional view is up|I expect new highs soon]
Panic is [overdone|for retail]. {i} bottom is [in|near], bought [more|first lot] at {spot} {bull}
[Higher lows|Higher high higher low] on {i} hourly, trend is up, [why fight it|don't fight it]
VIX [cooling|falling], {i} [will|should] grind higher from {spot} to {up1} [imo|in my view]
= up hg
{i} me [tezi|zabardast tezi] [aane wali hai|banegi], {s1} ke upar [long hi rakho|buy karo] {bull}
[Bhai|Dosto] {i} {up1} jayega [aaj|kal tak], {s1} ka stop [lagao|rakhna hai]
[Short covering|Bears ki chhutti] shuru hai {i} me, {r1} ke upar [rocket|tezi pakki] {bull}
[Girawat me kharido|Dip pe lena hai], {i} ka trend abhi bhi upar ka hai, target {up1}
[Mera|Apna] view tezi ka hai, {i} {spot} se {up1} [dekhne ko milega|aayega]
Bottom ban gaya {i} ka {lo} pe, ab [upar hi jana hai|mandi wale phasenge]
{i} me [put writers|PE wale] {s1} pe baithe hai, neeche jane nahi denge, [buy side|upar] socho
= up hi
{ih} में [तेजी|अच्छी तेजी] [बनी रहेगी|आने वाली है], {s1} के ऊपर [खरीदारी|लॉन्ग] करें {bull}
{ih} {spot} पर मजबूत है, [अगला लक्ष्य|टारगेट] {up1}, स्टॉप {cutl}
गिरावट में खरीदें, {ih} का रुझान ऊपर का है, {up1} [संभव|दिख सकता है]
शॉर्ट कवरिंग [शुरू|दिख रही है], {ih} {r1} के ऊपर और तेज होगा
= down en
{i} [rejected|failed] at {r1} [again|third time], [looks weak|heavy], {dn1} [next|coming]
[Sell on rise|Every bounce is a sell] in {i} [as long as|while] {r1} caps, [next stop|targets] {dn1} and {dn2}
[Short|Added shorts in|Staying short] {i} [here|around {spot}], stop above {cuts}, [eyes on|looking for] {dn1}
Long unwinding [has started|visible] in {i}, [buyers trapped|bulls will be punished] below {s1} {bear}
[I am|Still] bearish on {i}. {hi} was the high of the day, [mark it|save this post]
Bears [are back|in full control], {i} [should|can] [break|slip to] {dn1} [today|before close|this week]
{i} [shooting star|bearish engulfing] near {r1} on [5|15] min chart, [downside|fall] to {dn1} [next|likely]
[Call writers|CE writers] very aggressive at {r1}, [don't buy this|no reason to be long] {i}
Breakdown below {s1} is coming in {i}, [my positional view is down|I expect a real correction]
This rally is [fake|a bull trap]. {i} top is [in|near], [exited longs|bought puts] at {spot} {bear}
[Lower highs|Lower high lower low] on {i} hourly, trend is down, [why fight it|don't catch the knife]
VIX [rising|spiking], {i} [will|should] slide from {spot} to {dn1} [imo|in my view]
= down hg
{i} me [mandi|badi girawat] [aane wali hai|banegi], {r1} ke neeche [sell hi karo|short rakho] {bear}
[Bhai|Dosto] {i} {dn1} jayega [aaj|kal tak], {r1} ka stop [lagao|rakhna hai]
[Long unwinding|Bulls ki pitai] shuru hai {i} me, {s1} ke neeche [khai|mandi pakki] {bear}
[Upar me becho|Har bounce pe bechna hai], {i} ka trend neeche ka hai, target {dn1}
[Mera|Apna] view mandi ka hai, {i} {spot} se {dn1} [dekhne ko milega|aayega]
Top ban gaya {i} ka {hi} pe, ab [neeche hi jana hai|tezi wale phasenge]
{i} me [call writers|CE wale] {r1} pe baithe hai, upar jane nahi denge, [sell side|neeche] socho
= down hi
{ih} में [मंदी|बड़ी गिरावट] [बनी रहेगी|आने वाली है], {r1} के नीचे [बिकवाली|शॉर्ट] करें {bear}
{ih} {spot} पर कमजोर है, [अगला लक्ष्य|टारगेट] {dn1}, स्टॉप {cuts}
उछाल में बेचें, {ih} का रुझान नीचे का है, {dn1} [संभव|दिख सकता है]
लॉन्ग अनवाइंडिंग [शुरू|दिख रही है], {ih} {s1} के नीचे और टूटेगा
= call en
[Buy|BUY] {i} {leg} [above|around|at] {prem} // SL {sl} // Target {t1} / {t2}[+|++|]
{leg} [@|at] {prem} [sl|SL] {sl} [tgt|target] {t1} {t2}
{i} {leg}
[In|Bought|Added] {i} {leg} {prem}, [holding till|out above] {t1}[, risk small qty only|]
[Hero zero|Momentum trade]: {i} {leg} @ {prem} 🎯 {t1}, {t2} // [Risky|High risk], one lot only
[BTST|Carry]: {i} {leg} {prem}, stop {sl}, target {t1}[. For study only|]
{tk} {cos} {cp} looking good above {prem}, sl {sl}
= call hg
{i} {leg} le lo {prem} pe, sl {sl}, target {t1} {t2}
[Aaj ka trade|Jackpot trade]: {i} {leg} {prem} ke upar lena hai, sl {sl} // target {t1} / {t2}
{leg} me entry li hai {prem} pe, {t1} tak hold [karunga|karna hai]
= call hi
{ih} {leg} {prem} के ऊपर लें, स्टॉप {sl}, लक्ष्य {t1} और {t2}
आज का ट्रेड: {ih} {leg}, {prem} पर प्रवेश, स्टॉपलॉस {sl}
= booked en
{leg} [from|given at] {prem} to {t1} [done ✅|🔥 booked], [rest at cost|enjoy]
SL hit in {i} {leg}[, small loss, next trade|. Day over for me 😅|, moving on]
{i} {leg} both targets done {prem} ➡️ {t2}, [booked full|closed the screen]
[Booked|Closed] all [positions|lots] in {i}[, flat now|, cash till tomorrow]. {n} points [today|in the bag]
= booked hg
{leg} {prem} se {t1} ho gaya, [profit book karo|maza aa gaya bhai]
SL hit ho gaya {i} me, aaj ka [loss|nuksan] {n} points, [kal dekhte hai|bas ab chai]
= booked hi
{leg} {prem} से {t1} हो गया, मुनाफा वसूल किया
{ih} में स्टॉपलॉस लगा, आज का नुकसान {n} अंक, अब कल देखेंगे
= levels en
{i} levels for [today|tomorrow|the day] // Resistance {r1} / {r2} // Support {s1} / {s2}
{i}: above {r1} {up1} - {up2}, below {s1} {dn1} - {dn2}. In between no trade zone
[Intraday|Important] levels {i} // Buy above {r1}, sell below {s1} // [No bias|Let price decide]
{i} range {s1} to {r1}, [break on either side will give a move|wait for the break]
Max pain {atm}, highest CE OI {r2}, highest PE OI {s2} in {i}
{i} pivot {atm} | R1 {r1} R2 {r2} | S1 {s1} S2 {s2}
{i} CPR is [narrow|wide] today, [watch|mark] {s1} and {r1} on the chart
{i} 20 DMA near {s2}, swing high {r2}. [Plan accordingly|Trade the levels]
[Straddle|ATM straddle] {atm} {i} at {strad}, so the expected range is {s2} to {r2}
= levels hg
{i} ke levels [note kar lo|aaj ke liye] // upar {r1} aur {r2} // neeche {s1} aur {s2}
{i} {r1} ke upar gaya to {up1}, {s1} ke neeche gaya to {dn1}, beech me kuch nahi karna hai
Range hai {s1} se {r1} tak {i} me, jidhar tootega udhar ka trade
= levels hi
{ih} के स्तर: सपोर्ट {s1} और {s2}, रेजिस्टेंस {r1} और {r2}
{ih} {r1} के ऊपर {up1} और {s1} के नीचे {dn1}, बीच में इंतजार करें
= pre en
GIFT Nifty [indicates|suggests] a {gap} [start|opening], {i} previous close {prev}
[Good morning|GM] traders ☕ {i} closed at {prev} yesterday, {gap} expected. [Plan your trade|Wait for 9:30]
[Pre-open|Pre market]: {i} likely to open near {spot} against {prev}. [Asian markets mixed|Global cues flat]
[Results calendar|Board meetings] today: {co}, {co2}. [Keep an eye|Stay alert]
Pre-open session 9:00 to 9:15, {i} [indicated|discovering] around {spot}
= pre hg
Suprabhat dosto ☕ {i} kal {prev} pe band hua tha, aaj {gap} dikh raha hai
GIFT Nifty ke hisab se {gap} opening hai, pehle 15 minute [shanti se dekho|trade mat karna]
= pre hi
सुप्रभात ☕ {ih} कल {prev} पर बंद हुआ था, आज {gapd} के संकेत
बाजार खुलने से पहले: गिफ्ट निफ्टी के अनुसार {gapd} शुरुआत, {ih} {spot} के पास
= live en
{i} {spot} {sign} ({pct}) [at {hm}|now|live] {arrow}
{i} {ud} {chg} points [at {hm}|so far], day high {hi}, low {lo}
[Market update|Update {hm}]: {i} trades at {spot}, {ud} {chg} points [amid mixed breadth|in choppy trade|]
{i} [day range|range so far] {lo} - {hi}, now {spot}. [Volumes thin|Breadth even]
India VIX at {vix}, {i} at {spot}
{i} slipped from {hi} and touched {lo}, last {spot}. [What a day|Both sides trapped]
[Advance decline|A/D] [1:1|3:2|2:3], {i} {sign} points, VIX {vix}
= live hg
{i} abhi {spot} pe hai, kal se {chg} point {udh}
{hm} baje {i} {spot}, high {hi} aur low {lo}, [market dono taraf maar raha hai|bahut choppy hai]
= live hi
{ih} {chg} अंक {udd}, अभी {spot} पर कारोबार
{hm} बजे {ih} {spot}, दिन का उच्च {hi} और निम्न {lo}
= close en
Closing bell 🔔 {i} ends at {spot}, {ud} {chg} points ({pct})
{i} [settles|closes|ends] {gr} at {spot}. Day high {hi}, low {lo}. VIX {vix}
[Market wrap|EOD]: {i} {spot} ({sign}, {pct}). [FII {fii} cr, DII {dii} cr|Breadth was even] [(provisional)|]
Reminder: the CAS sets the close now, so the last traded price at 15:30 is not the close of {i}
{i} swung {swing} points between {lo} and {hi} before ending at {spot}
FII cash {fii} cr | DII cash {dii} cr | {i} {spot}
= close hg
Market band hua, {i} {spot} pe, {chg} point {udh}. High {hi} low {lo} tha
Aaj {i} ne {swing} point ka jhoola jhulaya, close hua {spot} pe
= close hi
बाजार बंद: {ih} {chg} अंक {udd}, {spot} पर बंद हुआ
{ih} {spot} पर बंद, दिन का दायरा {lo} से {hi} रहा
= news en
{co} [board to meet|board meets] on {date} to consider [fund raising|an interim dividend|a stock split]
{co} [bags|wins] an order worth Rs {crore} crore [from a state utility|for delivery in 18 months]
{co} [appoints|names] a new [CFO|head of operations] [with effect from {date}|]
[Global cues|Overnight]: Asia mixed, crude flat, dollar steady. Domestic data due later [today|this week]
{co} to [expand|add] capacity at its second plant, cost of Rs {crore} crore [over two years|]
Exchange seeks clarification from {co} on volume movement in {tk}
{co} IPO subscribed {rev} times on day 2, retail portion full
= news hg
{co} ko {crore} crore ka order mila hai, company ne exchange ko bataya
{co} ki board meeting {date} ko hai, dividend par faisla ho sakta hai
= news hi
{co} को {crore} करोड़ रुपये का ऑर्डर मिला
{co} की बोर्ड बैठक {date} को, लाभांश पर विचार होगा
= results en
{tk} Q2: revenue Rs {crore} cr, {rev}% YoY. EBITDA margin {mar}% // [In line|No surprise]
{co} Q2 net profit [rises|up] {rev}% to Rs {crore} crore, margin at {mar}%
{co} Q2 net profit [falls|down] {rev}% to Rs {crore} crore, margin at {mar}% [on higher input costs|]
[Q2 results|Results] {date}: {co}, {co2}. [Street expects|Estimates see] {tk} margin near {mar}%
{co} [cuts|keeps|raises] FY27 growth guidance to {rev}%, order book Rs {crore} crore
= results hg
{tk} ke Q2 result aa gaye, revenue {crore} crore, margin {mar}% raha hai
{co} ka profit {rev}% badha hai Q2 me, margin {mar}%
= results hi
{co} के दूसरी तिमाही नतीजे: मुनाफा {crore} करोड़ रुपये, मार्जिन {mar}%
{co} की आय {rev}% बढ़ी, मार्जिन {mar}% रहा
= learn en
[Risk management|Position size] first. Never risk more than [1|2] % of capital on one [trade|idea]
[Rule {n}|Trading rule]: a stop loss is the cost of business, not [a failure|an insult]
Theta eats option buyers between [11 and 1|12 and 2]. [Sit on hands|Less is more]
[Journal|Write down] every trade for {n} days, you will [find the leak|know your real edge]
What is PCR? Put open interest over call open interest. [Extremes matter, not the number|Read it with price]
Most [F&O|option] accounts lose money. [Learn first|Paper trade first], the market is open every day
Gap fill is a tendency, not a law. {i} left {n} gaps open this year
H&S needs a neckline break & volume. Half the patterns on my timeline have neither
= learn hg
Stop loss lagana seekho, profit apne aap aayega. Ye {n} saal ka anubhav hai
Overtrading hi asli dushman hai, din me {n} se zyada trade mat karo
Option buying me time sabse bada kharcha hai, theta ko samjho bhai
= learn hi
पूंजी बचाना पहला नियम है, मुनाफा दूसरा। एक सौदे में 2% से ज्यादा जोखिम न लें
स्टॉपलॉस के बिना सौदा मत करें, बाजार रोज खुलता है
= ask en
[Your view|Any view|What are you doing] on {i} [here|at {spot}]? [CE or PE|Long or short|Hold or exit]?
Will {i} close above {r1} or below {s1}? [Poll below|Comment] 👇
Anyone else's [broker|app|terminal] [slow|stuck|down] since {hm}?
[Where is|What happened to] the [volume|volatility] in {i} today?
= ask hg
{i} ka kya lagta hai dosto, [upar ya neeche|CE ya PE]?
Aaj {i} {r1} ke upar band hoga kya? [Comment karo|Batao] 👇
= ask hi
{ih} में क्या करें, {spot} पर रुकें या निकलें?
आज {ih} {r1} के ऊपर बंद होगा या {s1} के नीचे? आपकी राय 👇
= other en
[Good morning|Happy {day}|Have a great day] [everyone|traders|folks] {neu}
[Casino|Screen|Show] opens at 9:15 sharp, homework [done|pending] {neu}
[No trade|Zero trades] today. [Watching from the side|Chai and charts] {neu}
[Market did everything and I did nothing|Market did nothing and I overtraded] {neu}
[Weekend can't come soon enough|{day} feels like Monday] {neu}
[Thank you for|Almost at] {followers} followers {neu}
My [P&L|MTM] today has more swings than {i}
{neu} {neu}
= other hg
Aaj ka market dekh ke sar dard ho gaya {neu}
[Chai pi lo|So jao] dosto, market kal bhi khulega {neu}
Na tezi na mandi, bas time pass ho raha hai aaj {neu}
= other hi
आज का दिन शांति से निकल गया {neu}
शुभ [प्रभात|दिन] मित्रों, अनुशासन ही असली पूंजी है {neu}
= watch en
[On my screen|Watchlist] [today|for {day}]: {big}, {big2}, {tk}. Plan first, trade later
{big} and {big2} charts marked on [15 min|daily], will share after close. Not a recommendation
{big} {big2} {tk} [in focus|on radar]
= watch hg
Aaj ki watchlist me {big} aur {big2} hai, pehle level dekhenge phir trade karenge
= watch hi
आज की सूची: {big} और {big2}, केवल अध्ययन के लिए
= advert en
[Free|Daily free] [intraday|option] calls 🎯 [Join|Come to] our Telegram channel 👇 {link}
{leg} {prem} to {t2} 🔥 [Members are enjoying|Premium members booked]. [DM to join|Link in bio] {link}
[Accuracy 9{d}%|Sure shot] {i} calls. Limited seats for the paid group, WhatsApp us {link}
[Learn option trading in {n} days|Live webinar on {day} evening]. [Register|Enrol] now {link}
Open [a demat|an] account with our link and get [free brokerage|a free course] {link}
Like + retweet + comment and I will DM the next multibagger [name|stock] {neu}
{i} view for tomorrow explained in the video {link} [Subscribe|Like and subscribe]
Our [algo|indicator] gave buy and sell signals on {i} again. [Trial|Details] {link}
[10000 to 1 lakh challenge|Account handling service], profit sharing [50|30] %, contact {link}
= advert hg
[Free|Roz 2 free|Daily free] calls chahiye to [hamara Telegram|hamara channel|ye group] join karo 👇 {link}
{i} me aaj {n} point ka [profit|faida] diya members ko, [kal ke liye|abhi] join karo {link}
Loss recover karna hai? Aaj hi judo hamari team se, {leg} me {n} point ka profit diya {link}
Option trading seekho {n} din me, pehle {d}0 logo ko free, link pe click karo {link}
= advert hi
[मुफ्त|रोज मुफ्त] कॉल के लिए [हमारे टेलीग्राम चैनल|हमारे समूह] से [जुड़ें|आज ही जुड़ें] 👇 {link}
{ih} में आज {n} अंक का मुनाफा दिया, {link} पर [संपर्क करें|संदेश भेजें]
{n} दिन में ऑप्शन ट्रेडिंग सीखें, सीटें सीमित हैं {link}
= campaign en
Stop losing money in options! Our premium team gives two sure shot {i} calls every morning with \
[entry|buy price] target and stop loss. Yesterday {n} points profit booked by {followers} members. \
Join the free Telegram channel today before seats are full 👉 {link}
Big jackpot call is ready for tomorrow in {i}. Only serious traders with capital of {n} thousand should \
message us on WhatsApp for the free trial. Accuracy is above 9{d} percent since {day} {link}
Loss recovery plan for retail traders: trade {i} with our experts, pay only after profit. \
Already {followers} people got their money back this month. Contact now for [one free call|a bonus] {link}
My mentor changed my trading life, {n} lakh made this month from {i} options only with his signals. \
He shares them free for the next {d} days in this group, thank me later {link}
= campaign hg
Dosto roz roz ka loss band karo, hamari expert team ke saath {i} me daily {n} point ka profit pakka hai. \
Free Telegram channel join karo, sirf pehle {followers} members ke liye, jaldi karo link neeche hai {link}
Kal {i} me phir se jackpot lagne wala hai, {followers} log already jud chuke hai hamare group se. \
Jo bhai {n} hazar se {d} lakh banana chahta hai wo abhi WhatsApp kare, seat kam hai {link}
"""


@cache
def _by_kind() -> dict[tuple[str, str], list[str]]:
    blocks = [block.strip().split("\n") for block in _PATTERNS.split("\n= ")[1:]]
    return {(kind, lang): lines for (heading, *lines) in blocks for kind, lang in [heading.split()]}


def patterns(kind: str, lang: str) -> list[str]:
    """The patterns of one kind and language, in a fixed order; KeyError where there are none."""
    return _by_kind()[kind, lang]
