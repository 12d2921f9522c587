"""Everyday words that are also names in some language: written in lower case they are not taken for a name.

The commonest words of nineteen languages.
"""

COMMON_WORDS = frozenset(
    """
    a aber about ada aja aku ale alles ama amanhã anche and anh apa are at auch auf aujourd'hui avec banget bardzo
    be belum bem ben bene besok bien bilan bin bir bisa biz bo'ladi bom bor bu buat bueno bugun bugün but bạn c'est
    can che cho ci ciao co com come con cosa cuando cześć có cómo của da dai dan danke dans dari das de deh della
    demain dengan der des değil di die dir do domani don't dong du dzisiaj dzięki e edi ein eine ekan el elle em
    emas en ertaga es est estou estoy está et eu evet for from für ga gak gdzie get gibi gimana going gracias grazie
    gut gì hab hai hallo hari have hayır he her heute hey hi his ho hoje hola how hoy i i'm ich if ihr il in ini io
    is isso ist it it's itu iyi için j'ai ja jak je jest juda juga just jutro już já kadar kamu kann kapan kasih ke
    kenapa kerak không kiedy kita know kok la lagi le lekin les like lo los là ma mais mal mam mas masz mau mañana
    me mehr men merci mi mir mit moi molto morgen muito muy my mà más mı một na nanti nasıl ne neden nega nein nggak
    nicht nie nima no noch non not này não o o'zi obrigada obrigado of oggi oi ok olur on os oui para pas per perché
    pero più plus por porque pour pra qachon qanday qayerda qilib quand quando que qué rahmat really rồi salut sama
    saya schon se sehr sen she shu si sie sih sim siz się so sono sudah suis sì sí t'as tak te terima teşekkürler
    that the there they think this thì ti tidak to todo toi tout très tu tudo tutto ty tá tôi tú uchun udah ular um
    uma un una und une untuk va var ve você vou vous và với w wann was we what when wie wir with wo would xop y ya
    yang yarın yaxshi yeah yes yo yo'q yok you your z zu ça çok è é đi được şimdi że але байгаа байна байх бас
    баярлалаа би бид биз билан бол болады болно бор бу був бугун була был была бэ бүгін бұл ва вже ви вона вони вот
    все вы вэ він где гэж гээд да де добре дуже дээ дякую емес ертең если есть еще ещё жақсы жоқ жуда және за завтра
    зачем и их иә й йўқ как керак керек когда коли кто л ладно лекин маргааш мен мене меня мені ми минь мне мы надад
    не нега нет нима но ну нь ні одоо он она они очень почему привет привіт просто рахмет раҳмат сайн сегодня сен
    сиз спасибо сьогодні та так там тебе ти тийм тобі только тут ты тэр тільки уже уу учун хаана хорошо хто хэзээ це
    чамд чи чому что чтобы шүү ще що щоб эди экан эмас энэ эртага это юм юу я яаж як якщо яхши є і қаерда қайда
    қалай қандай қачон үгүй үшін үү өнөөдөр өте آن أن أنا أنت إلى إن از است الله الى اليوم امروز انا انت این با برای
    بس بكرة به تو خوب خیلی در را سلام شكرا شو على عن غدا فردا في كان كل كيف لا لك لكن لماذا لي ليش ما ماذا متى مش مع
    ممنون من میشه نعم نیست هذا هذه هل هم و يا چرا چی کجا که کی
    """.split()
)
