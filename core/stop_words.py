"""Small lists of words that carry no subject, by language code, and abbreviations with a dot.

Apostrophes split words ("don't" is "don" and "t", "l'eau" is "l" and "eau"), so the pieces stand here too.
"""

from __future__ import annotations

from collections.abc import Mapping

_LISTS: Mapping[str, str] = {
    "en": """a about actually after again all also am an and any are aren as at be because been before being but by can
        could couldn d did didn do does doesn doing don down during each few for from further get gets give given go
        goes got had hadn has hasn have haven having he her here hers him his how i if in into is isn it its itself just
        know let like ll m make me might mine more most much must my no nor not now of off oh okay on once one only or
        other our ours out over own re really s said same say says she should shouldn so some such t tell than that the
        their theirs them then there these they thing things this those through to too two under up us ve very was
        wasn we well were weren what when where which while who whom why will with won would wouldn yeah yes you your
        yours""",
    "es": """a al algo algunas algunos ante antes como con contra cual cuando cuál cuáles cómo de del desde donde dónde
        durante e el ella ellas ellos en entre era eran es esa esas ese eso esos esta estaba estas este esto estos está
        están fue fueron ha han hasta hay hace la las le les lo los me mi mis mucho muy más ni no nos nosotros o os para
        pero por porque puede que quien quién qué se sea ser si sin sobre son su sus sí también tan te tiene todo todos
        tu tus un una uno unos usted ya y yo él""",
    "de": """ab aber als also am an auch auf aus bei beim bin bis da damit dann das dass dem den der des dich die dies
        diese diesem diesen dieser dieses doch dort du durch ein eine einem einen einer eines er es etwas euch für ganz
        gibt haben hat hatte hier ich ihm ihn ihr ihre im in ins ist ja jede jeder jetzt kann kein keine können man mehr
        mein mich mir mit muss nach nicht nichts noch nun nur ob oder ohne schon sehr sein seine seit sich sie sind so
        soll über um und uns unter vom von vor war waren warum was weil welche welcher wenn wer werden wie wieder wir
        wird wo wurde zu zum zur zwischen""",
    "fr": """a ai ainsi alors après au aussi autre aux avant avec avoir bien c ce cela ces cet cette ceux chez comme
        comment d dans de des deux donc dont du elle elles en encore entre es est et eu fait il ils j je l la là le les
        leur leurs lui m ma mais me même mes moi mon n ne nos notre nous on ont ou où par parce pas peu peut plus pour
        pourquoi qu quand que quel quelle quels qui quoi s sa sans se ses si son sont sur t ta te tout tous toute très
        tu un une vers vos votre vous y à ça été être""",
    "it": """a ad agli ai al alla alle allo anche c che chi ci ciò come con cosa cui d da dagli dai dal dalla delle
        degli dei del della dello di dove e ed era essere fa fra gli ha hanno i il in io l la le lei lo loro lui ma mi
        mia mio molto ne nei nel nella non o ogni per perché perchè più può qual quale quando quanto quella quello
        questa questo qui se sei si sono sopra su sua sul sulla suo tra tu tutti tutto un una uno va è""",
    "pt": """a ao aos as até com como cada da das de dela dele do dos e ela elas ele eles em entre era essa esse esta
        está este eu foi há isso isto já lhe mais mas me mesmo meu minha muito na nas nem no nos não nós o onde os ou
        para pela pelo por porque pode qual quando que quem se sem ser seu seus sobre sua são só também te tem ter todo
        tu um uma você vocês à às é""",
    "nl": """aan af al alle als bij dan dat de der deze die dit door een en er had heb hebben heeft het hij hoe hun ik
        in is ja je kan maar me meer men met mij mijn na naar niet nog nu of om omdat onder ons ook op over te tot u
        uit van veel voor waarom was wat we wel werd wie wij worden wordt ze zich zij zijn zo zou""",
    "ru": """а без более бы был была были было быть в вам вас во вот все всё вы где да для до его ее её если есть еще
        ещё же за и из или им их к как когда кто ли меня мне может мы на над не него нет ни них но ну о об он она они
        от очень по под почему при с себя со так также там то того тоже только том ты у уже что чтобы эта эти это этот
        я""",
    "zh": """的 了 是 在 我 你 他 她 它 们 这 那 和 与 就 都 也 很 吗 呢 吧 啊 什么 怎么
        为什么 如何 多少 一个 有 没 不 会 要 到 说 上 去""",
    "ja": """の に は を た が で て と し れ さ ある いる も する から な こと として い や など なっ
        ない この ため その 何 です ます""",
}


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS: Mapping[str, frozenset[str]] = {code: word_set(text) for code, text in _LISTS.items()}

TITLES = word_set(
    "dr mr mrs ms mx prof st sen rep gov gen col lt sgt capt rev hon pres sr sra srta dra ud uds mme mlle hr vs z evtl "
    "bsp bzw cf ca"
)
"""A dot after one of these never ends a sentence: a name or a thing follows."""

NUMBERED = word_set("fig figs no nos nr núm pág p pp vol ch sec eq approx bd kap abb s art")
"""A dot after one of these does not end a sentence if a number follows."""

GERMAN_MONTHS = word_set("januar februar märz april mai juni juli august september oktober november dezember")
"""After a number and a dot: an ordinal."""

ABBREVIATIONS = word_set(
    "etc al inc ltd co corp jr dept univ usw ff jan feb mar apr jun jul aug sep sept oct nov dec ave blvd rd mt ft "
    "approx max avg eds bros"
)
"""A dot after one of these ends a sentence only if a word follows that often begins one."""
