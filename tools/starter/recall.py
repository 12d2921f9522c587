"""Short samples in which a reply repeats what the system turn or the memory block says.

Plain conversations rarely force a small model to look a fact up; here nothing but looking it up gives the answer.
The values are drawn from wide pools, so that guessing does not pay.
"""

import random
import re

from tools.starter.names import NAMES

VALUES: dict[str, str] = {
    "city": (
        "Tashkent,Berlin,Seoul,Chicago,Lagos,Lima,Oslo,Prague,Kyoto,Mumbai,Cairo,Boston,Denver,Austin,Leeds,"
        "Porto,Riga,Bogota,Hanoi,Dallas,Paris,Rome,Madrid,Vienna,Dublin,Toronto,Sydney,Manila,Nairobi,"
        "Samarkand,Busan,Moscow,Kyiv,Istanbul,Ankara,Tehran,Dubai,Miami,Portland,Seattle,Houston,London,"
        "Glasgow,Osaka,Santiago,Havana,Athens"
    ),
    "job": (
        "nurse,teacher,baker,plumber,lawyer,waiter,barber,chef,farmer,pilot,programmer,librarian,dentist,"
        "mechanic,painter,journalist,firefighter,cashier,carpenter,photographer,gardener,translator,driver,"
        "vet,tailor,musician,florist,postman,security guard,bus driver,cleaner,surgeon,truck driver"
    ),
    "animal": (
        "cat,dog,parrot,hamster,rabbit,turtle,horse,snake,lizard,ferret,guinea pig,puppy,kitten,pig,goat,"
        "chicken,spider,frog,donkey,duck"
    ),
    "count": "two,three,four,five,six,seven",
    "instrument": "drums,piano,guitar,violin,flute,cello,trumpet,banjo,harp,bass,saxophone,ukulele,clarinet,accordion",
    "food": (
        "pizza,sushi,plov,tacos,ramen,pancakes,lasagna,kimchi,curry,burgers,salad,soup,dumplings,cheese,"
        "chocolate,ice cream,noodles,steak,seafood,peanuts,mushrooms,olives,strawberries,mango,bread,pasta,"
        "waffles,cookies,fried rice"
    ),
    "color": "red,blue,green,yellow,purple,orange,pink,black,white,grey,brown,turquoise,gold,silver",
    "hobby": (
        "hiking,painting,fishing,knitting,chess,cooking,gardening,dancing,swimming,running,climbing,reading,"
        "sewing,surfing,skiing,photography,yoga,baking,cycling,camping,sailing,singing,archery,skating,"
        "boxing,pottery,karate"
    ),
    "subject": ("biology,law,history,physics,medicine,art,music,economics,chemistry,philosophy,maths,geography,design"),
    "car": "Toyota,Honda,Ford truck,BMW,Tesla,Fiat,Volvo,Jeep,Kia,Mazda,van,motorbike,Chevy,bicycle",
    "relative": "sister,brother,mom,dad,best friend,cousin,husband,wife,son,daughter,uncle,aunt,boss",
    "month": "January,February,March,April,May,June,July,August,September,October,November,December",
}
POOLS: dict[str, tuple[str, ...]] = {slot: tuple(values.split(",")) for slot, values in VALUES.items()} | {
    "age": tuple(map(str, range(16, 80))),
    "name": NAMES,
}
# fact | questions | answers; in questions and answers about the partner "your" and "my" are swapped
KINDS: tuple[tuple[str, str, str], ...] = (
    (
        "I live in {city}.",
        "where do you live?;what city do you live in?;where are you now?",
        "I live in {city}.;in {city};{city}!",
    ),
    (
        "I grew up in {city}.",
        "where are you from?;where did you grow up?",
        "I grew up in {city}.;I'm from {city}.;{city}",
    ),
    (
        "I work as a {job}.",
        "what do you do for a living?;what's your job?;do you work?",
        "I work as a {job}.;I'm a {job}.;a {job}",
    ),
    (
        "I have a {animal} named {name}.",
        "do you have any pets?;what's your {animal} called?",
        "I have a {animal} named {name}.;Yes, a {animal}, {name}.",
    ),
    (
        "I have {count} {animal}s.",
        "do you have pets?;any pets?",
        "I have {count} {animal}s.;Yes, {count} {animal}s!;{count} {animal}s",
    ),
    (
        "I play the {instrument}.",
        "do you play an instrument?;do you play any music?",
        "I play the {instrument}.;yes, the {instrument}",
    ),
    (
        "My favorite food is {food}.",
        "what's your favorite food?;what do you like to eat?",
        "My favorite food is {food}.;{food}!;I love {food}.",
    ),
    (
        "My favorite color is {color}.",
        "what's your favorite color?;what color do you like?",
        "My favorite color is {color}.;{color}",
    ),
    (
        "I love {hobby}.",
        "what are your hobbies?;what do you do for fun?;what do you do in your free time?",
        "I love {hobby}.;{hobby}, mostly;I like {hobby}.",
    ),
    (
        "I am studying {subject}.",
        "what do you study?;are you a student?",
        "I am studying {subject}.;Yes, I study {subject}.;{subject}",
    ),
    (
        "I drive a {car}.",
        "what car do you have?;what do you drive?",
        "I drive a {car}.;a {car}",
    ),
    (
        "My {relative}'s name is {name}.",
        "what's your {relative}'s name?;what is your {relative} called?",
        "My {relative}'s name is {name}.;{name};{name}!",
    ),
    (
        "My {relative} is a {job}.",
        "what does your {relative} do?",
        "My {relative} is a {job}.;a {job}",
    ),
    (
        "My birthday is in {month}.",
        "when is your birthday?",
        "My birthday is in {month}.;in {month}",
    ),
    (
        "I am {age} years old.",
        "how old are you?",
        "I am {age} years old.;{age};I'm {age}.",
    ),
    (
        "I am allergic to {food}.",
        "are you allergic to anything?",
        "I am allergic to {food}.;yes, {food}",
    ),
    (
        "I hate {food}.",
        "what food do you hate?;is there a food you don't like?",
        "I hate {food}.;{food}, yuck",
    ),
)
PERSON = re.compile(r"\b(are you|you|your|my|i'm|i am|i|me)\b", re.IGNORECASE)
SWAPPED = {
    "are you": "am I",
    "you": "I",
    "your": "my",
    "my": "your",
    "i'm": "you're",
    "i am": "you are",
    "i": "you",
    "me": "you",
}
COMMON = frozenset(
    """
    about after again always because been before being could does doing don't first from going good great have
    haven't here just know like little love many maybe more most movie much never only other really right said
    same should some something still such sure than that that's them then there these they thing things think
    this those time very want well were what when where which while will with would yeah you're your
    """.split()
)
QUESTIONS = ("what did {} say about {}?", "do you remember what {} said about {}", "{} said what about {}?")
REQUESTS = ("tell me about yourself", "Tell me about yourself.", "who are you?", "what should i know about you?")


def swap_person(text: str) -> str:
    """Swap first and second person."""
    return PERSON.sub(lambda match: SWAPPED[match.group().lower()], text)


def facts_and_answers(rng: random.Random, count: int) -> list[tuple[str, str, str]]:
    """Return `count` facts about one person, each with a question and its answer."""
    rounds = []
    for fact, questions, answers in rng.sample(KINDS, count):
        values = {slot: rng.choice(pool) for slot, pool in POOLS.items()}
        question, answer = rng.choice(questions.split(";")), rng.choice(answers.split(";"))
        rounds.append((fact.format(**values), question.format(**values), answer.format(**values)))
    return rounds


def ask_about_facts(
    rng: random.Random, assistant: int
) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[int, str], ...]]:
    """Return facts of both speakers and turns in which the user asks the assistant for some of them."""
    own = facts_and_answers(rng, rng.randint(2, 6))
    partners = facts_and_answers(rng, rng.randint(1, 4)) if rng.random() < 0.4 else []
    asked = [(question, answer) for _, question, answer in own]
    asked += [(swap_person(question), swap_person(answer)) for _, question, answer in partners]
    rng.shuffle(asked)
    turns: list[tuple[int, str]] = []
    for question, answer in asked[: rng.randint(2, 5)]:
        question = question[0].upper() + question[1:] if rng.random() < 0.5 else question
        turns += [(1 - assistant, question), (assistant, answer[0].upper() + answer[1:] if answer[1:] else answer)]
    facts: list[tuple[str, ...]] = [(), ()]
    facts[assistant] = tuple(fact for fact, _, _ in own)
    facts[1 - assistant] = tuple(fact for fact, _, _ in rng.sample(partners, len(partners)))
    return tuple(facts), tuple(turns)


def ask_for_all(
    rng: random.Random, sentences: list[str], assistant: int
) -> tuple[tuple[tuple[str, ...], ...], tuple[tuple[int, str], ...]]:
    """Return sentences as the assistant's facts, and turns in which he tells them all, in their order."""
    facts: list[tuple[str, ...]] = [(), ()]
    facts[assistant] = tuple(sentences)
    told = " ".join(sentences) if rng.random() < 0.7 else "\n".join(sentences)
    return tuple(facts), ((1 - assistant, rng.choice(REQUESTS)), (assistant, told))


def ask_about_lines(
    rng: random.Random, lines: list[tuple[int, str]], assistant: int
) -> tuple[tuple[int, str], ...] | None:
    """Return a question about one of the recalled lines and the reply that repeats it, or None if it has no word."""
    speaker, text = rng.choice(lines)
    words = [word for word in re.findall(r"[A-Za-z']{4,}", text) if word.lower() not in COMMON]
    if not words:
        return None
    word = rng.choice(words).lower()
    who, said = ("you", rng.choice(("I said: ", "i said ", ""))) if speaker == assistant else ("I", "You said: ")
    question = rng.choice(QUESTIONS)
    return (1 - assistant, question.format(who, word)), (assistant, said + text)
