"""Words that say nothing about what a question is about, for the languages we meet; they also tell the language.

All of them are left out at once: chats mix languages within a sentence. A word that is a content word in another of the
languages is left out of the list. Written as `memory.words` folds them: lower case, no apostrophes, no stretched
letters.
"""

import unicodedata

from memory.text.stemmer import ENGLISH, FRENCH, GERMAN, RUSSIAN, SPANISH, TURKISH, UZBEK, without_marks

_ENGLISH = """
a about actually again all also always am an and any anybody anyone anything are arent around as ask at aw aww away
back be became because been before being bit but by bye came can cant come comes coming could couldnt did didnt do
does doesnt doing done dont dunno each else even ever every everything for from further get gets getting give go goes
going gone gonna got gotta guess had hadnt happen happened happening happens has hasnt have havent having he hello her
here heres hers hey heya hi hiya him his hm hmm how hows however i id idk if ill im in into is isnt it its itself ive
just kinda know knew lets like lol lmao look made make many may maybe me mean might mine more most much must my myself
nah no nope not nothing now of off oh ok okay on once one only or other our ours out over own please pls probably put
quite rather really right said same say saying says see seen shall she shed shes should shouldnt so some somebody
someone something sorry still stuff such sup sure take tell than thank thanks that thatd thatll thats the their theirs
them then there theres these they theyd theyll theyre theyve thing things think this those though thought to today
told too took try u um until up upon ur us use used very wanna want wanted was wasnt way we wed went were werent weve
what whatever whats whatve when whens where wheres which while who whom whos whose why will with wont would wouldnt
wow yea yeah yep yes yet yo you youd youll your youre yours yourself youve yup ahaha ahahaha haha hahaha hehe omg good
morning night
"""
_RUSSIAN = """
а без бы был была были было быть в вам вас ваш ваша ваше ваши весь во вообще вот все всегда всего всех вы где да даже
для до его ее если есть еще ж же за здесь и из или им их к как какая какие какой каком когда кого кому которая которые
который кто куда ли либо мне много мог могла может можешь можно мой моя моё мои мы на над надо наш наша наши не него
нее нет ни них но ну о об один однако он она они оно от откуда очень по под пока потом потому почему при про просто
раз с сам сама свой своя свои себе себя сейчас со так также такая такие такой там тебе тебя тем теперь то тобой тогда
того тоже только тот тут ты у уже хорошо чего чем через что чтоб чтобы чье чья эта эти это этого этом этот я привет
приветик здравствуй здравствуйте спасибо пожалуйста ок окей ага угу ладно дела делаешь делаете делать скажи расскажи
кем чем почём случилось случилась случился произошло помнишь знаешь думаешь хочешь твой твоя твое твои твоего твоей
твоих хаха ахах ахаха
"""
_SPANISH = """
al algo algun alguna antes aqui asi aun aunque cada como con cual cuales cuando cuanto cuantos de del desde donde dos
el ella ellas ellos en entre era eran eres es esa ese eso esta estaba estado estamos estan estar estas este esto estos
estoy fue fueron gracias ha hace hacer haces han has hasta hay he hola la las le les lo los mas mi mucho muy nada ni
nos nosotros nuestra nuestro o otra otro para pero poco por porque puede puedes pues que quien quienes quieres se ser
si sin sobre soy su sus tal también tambien te tenemos tener tengo ti tiene tienes tu tus un una uno unos usted
ustedes va vas vez y ya yo cómo cuál cuándo dónde más qué quién tú él está estás sí jaja jajaja
"""
_UZBEK = """
ammo biz bizning bilan boldi boldimi boladi bor bormi bu deb edi edim edimi edingiz endi esa ekan hamma har haqida
hech kimga kimning lekin men menga meni mening mi mumkin nega nima nimaga nimani nechta necha emas o ozi oz qachon
qaerda qaerga qayerda qayerga qayerdan qanday qanaqa qalay qaysi qilasan qilding qilyapsan rahmat salom sen senga seni
sening siz sizga sizni sizning shu uchun unga uni uning va yana yoki yoq yoqmi xa ha xop mayli kerak keyin
"""
_GERMAN = """
aber als am auch auf aus bei bis bist da dann das dass dein deine dem der des dich dir doch du ein eine einem einen
einer er es euch für gab hab habe haben hast hatte hier ich ihr im in ist ja jetzt kann kannst kein keine mal mein
meine mich mir mit nach nein nicht noch nur oder schon sehr sein sich sie sind so um und uns von vor wann warum weil
wenn wer wie wieso wir wird wo wohin zu zum zur
"""
_FRENCH = """
alors au aussi aux avec avez ce ces cest dans depuis des donc du elle elles est et être ils jai je la le les leur lui
mais mes moi mon ne notre nous ou où pas pourquoi quand que quel quelle quelles quels qui quoi sa ses sont suis sur ta
tes toi très tu un une vos votre vous
"""
_KOREAN = """
너 너는 넌 네 네가 니가 니 나 나는 난 내 내가 우리 그 그거 그게 이 이거 이게 저 저거 뭐 뭐가 뭐해 뭐야 뭘 무엇 무슨
어디 어디서 어디에 어디야 언제 누구 누가 왜 어떻게 어때 얼마 몇 있어 있니 없어 했어 했니 해 하니 하고 하는 할 한 거 것
게 좀 더 잘 다 그냥 진짜 정말 지금 오늘 안녕 안녕하세요 응 네네 아니 ㅋ ㅋㅋ ㅎ ㅎㅎ ㅠ ㅠㅠ ㅜㅜ 이야 야 이니 인데
그래 그래서 그리고 근데 하지만 당신 당신의 너의 나의 제 저는 제가 무슨일 알아 말해줘 좋아
"""

_TURKISH = """
acaba ama ben bana beni benim bir biz bize bizi bizim bu bunu cok çok da daha de degil değil diye en evet gibi hangi
hayir hayır icin için ile ise kac kaç kadar kim kimin mi mı mu mü nasil nasıl ne neden nerede nereye nereden niye o ona
onu onun sen sana seni senin siz size sizi sizin su şu var ve veya ya yok zaman merhaba selam tesekkurler teşekkürler
"""


def _folded(words: str) -> frozenset[str]:
    return frozenset(map(without_marks, unicodedata.normalize("NFKC", words).casefold().replace("ё", "е").split()))


STOP_WORDS_OF = {
    language: _folded(words)
    for language, words in {
        ENGLISH: _ENGLISH,
        RUSSIAN: _RUSSIAN,
        SPANISH: _SPANISH,
        UZBEK: _UZBEK,
        TURKISH: _TURKISH,
        GERMAN: _GERMAN,
        FRENCH: _FRENCH,
        "ko": _KOREAN,
    }.items()
}
STOP_WORDS = frozenset().union(*STOP_WORDS_OF.values())

STOP_PHRASES = tuple(
    """
    你 我 他 她 它 您 的 了 吗 嗎 呢 吧 啊 呀 是 在 叫 哪 谁 誰 什么 甚麼 怎么 怎样 怎麼 哪里 哪儿 哪裡 为什么 什么时候
    多少 请问 现在 今天 你好 谢谢 你们 他们 我们 有没有
    です ます でした ました ください ありますか ですか ますか どこ いつ だれ なぜ どう どんな なに 何 誰 あなた
    わたし 私 こんにちは
    """.split()
)
"""Taken out of a question in a script without spaces, the longest first, before it is cut into pairs."""

FIRST_PERSON = _folded(
    "i im ive id ill me my mine myself we were us our ours я меня мне"
    " мной мой моя мое мои моего моей мою мы нас нам наш"
    " наша yo me mi mis mio mia soy estoy tengo fui he nosotros men"
    " meni menga mening menda biz bizning bizga 나 나는 난"
    " 내 내가 나한테 나도 우리 저 저는 제가 제 ich mich mir mein meine wir"
    " je jai moi mon ma mes nous ben beni bana benim"
)
"""By which those who write speak of themselves."""
SECOND_PERSON = _folded(
    "you your yours youre youve youd youll yourself ur u ты тебя тебе"
    " тобой твой твоя твое твои твоего твоей твоих твою вы"
    " вас вам ваш ваша tu tus te ti tuyo usted sen seni senga sening siz sizning sizni 너 너는 넌 너의 네 네가 니가 니"
    " 당신 당신의 du dich dir dein deine toi ton ta tes sana senin"
)
"""By which they speak to somebody of that person."""
