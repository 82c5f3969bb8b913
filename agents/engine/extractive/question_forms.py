"""How questions are asked in seven languages, and what kind of answer each form wants."""

from collections.abc import Mapping
from types import MappingProxyType

from agents.engine.extractive.patterns import any_of

_MEASURED = any_of(
    """
    temperature|pressure|speed|depth|height|altitude|capacity|limit|maximum|minimum|threshold|level|dose|dosage
    concentration|rate|voltage|volume|weight|size|length|width|distance|number|amount|output|strength|population|area
    diameter|thickness|frequency|yield|quantity|age|score|range|figure|value|recovery|rating|hardness|density|flow
    load|reserve
    """
)
_UNITS_OF_TIME = "(?:seconds|minutes|hours|days|nights|weeks|months|years)"
# One form a line behind the kind of answer it asks for. The form that stands first in a question counts; of two
# that begin at the same word, the one that stands first here.
FORMS: Mapping[str, str] = MappingProxyType(
    {
        "English": rf"""
frequency   how (?:often|frequently|regularly)
frequency   (?:at )?what intervals?
frequency   how many times (?:a|per|each)
duration    how (?:quickly|soon|fast (?:must|should|shall))
duration    how long (?!is the (?:road|pipe|track|wall|bridge|pier|cable|tunnel|river|fence|rope))
duration    how much (?:time|notice)|how far (?:ahead|in advance)
duration    (?:how many|what number of) (?:\w+ )?{_UNITS_OF_TIME}
duration    what (?:is|was) the (?:\w+ ){{0,3}}(?:duration|notice period|time limit|interval|period|lead time)
money       how much money
money       how much (?:\S+ ){{0,8}}?(?:costs?|pays?|paid|charged?|fee|price|worth|owed?|earn|spen[dt]|credited|fined)\b
money       (?:what|which) (?:\S+ ){{0,6}}?(?:price|cost|fee|charge|salary|wage|fine|budget|tariff|compensation)s?\b
money       (?:what|which) (?:\S+ ){{0,6}}?penalt(?:y|ies)\b
percent     (?:what|which) (?:\w+ ){{0,2}}?(?:percentage|percent|per cent|share|proportion|fraction)
count       how many
count       (?:what|which) (?:is|was|are|were) the (?:total )?number
quantity    how (?:much|high|low|deep|far|wide|tall|big|large|small|heavy|thick|strong|hot|cold|warm|fast|old|steep)
quantity    how (?:close|loud|powerful|hard|near|long)
quantity    (?:(?:at|to|above|below) )?(?:what|which) (?:\S+ ){{0,4}}?{_MEASURED}s?\b
year        (?:in )?(?:what|which) year
clock       (?:at )?(?:what|which) (?:time|hours?)\b
clock       (?:until|by) when|how (?:late|early)
time        when
time        (?:(?:on|in|by|since|until) )?(?:what|which) (?:\w+ )?(?:date|day|month|quarter|season|deadline|century)s?\b
time        (?:on )?(?:what|which) weekdays?\b
person      who(?:m|se)?\b
person      (?:what|which) (?:person|people|man|woman|officer|employee|engineer|member|name of the person)\b
organisation (?:(?:by|from|to|with) )?(?:what|which) (?:company|firm|manufacturer|organi[sz]ation|bank|brand)s?\b
organisation (?:(?:by|from|to|with) )?(?:what|which) (?:university|airline|agency|authority|laborator(?:y|ies))s?\b
place       where
place       (?:(?:in|at|to|from|on) )?(?:what|which) (?:place|city|country|town|room|building|state|region|location)\b
place       (?:(?:in|at|to|from|on) )?(?:what|which) (?:village|island|river|continent|port|street)\b
reason      why|for what (?:reason|purpose)|how come
reason      (?:what|which) (?:is|was|are|were) the (?:\w+ )?(?:reason|cause|purpose|motive)
reason      what (?:causes?d?|led|leads)\b
definition  what (?:does|do) .{{1,80}} (?:mean|stand for)|what is meant|define\b
definition  what (?:is an?|are) (?!the )(?:[\w-]+ ?){{1,3}}\?*$
method      how
thing       what|which|name
""",
        "German": r"""
frequency   wie (?:oft|häufig)
duration    wie lange|wie viele (?:tage|stunden|wochen|monate|jahre)
money       wie (?:teuer|viel (?:\S+ ){0,3}?kost\w+)|was kostet
count       wie ?viele
quantity    wie (?:viel|hoch|tief|weit|groß|schwer|breit|warm|kalt|schnell|alt)
year        in welchem jahr
clock       um wie ?viel uhr
time        wann|an welchem tag|welches datum
person      we[rmn]|wessen
place       wo|wohin|woher
reason      warum|weshalb|wieso
method      wie
thing       was|welche[rsmn]?
""",
        "French": r"""
frequency   à quelle fréquence|tous les combien
duration    combien de (?:temps|jours|heures|semaines|mois|minutes|ans)
money       combien coûte\w*|quel (?:est|était) le (?:prix|coût|tarif)
count       combien d
quantity    combien|quelle (?:est|était) la (?:température|pression|profondeur|hauteur|capacité)
year        en quelle année
clock       à quelle heure
time        quand|quel jour|quelle date
person      qui
place       où
reason      pourquoi
method      comment
thing       que|quoi|quelle?s?
""",
        "Spanish": r"""
frequency   con qué frecuencia|cada cuánto
duration    cuánto tiempo|cuánt[oa]s (?:días|horas|meses|años|semanas|minutos)
money       cuánto cuesta|cuál es el precio
count       cuánt[oa]s
quantity    cuánt[oa]
year        en qué año
clock       a qué hora
time        cuándo|qué (?:día|fecha)
person      quién(?:es)?
place       d[oó]nde
reason      por qué
method      cómo
thing       qué|cuál(?:es)?
""",
        "Italian": r"""
frequency   ogni quanto|con quale frequenza
duration    quanto tempo|quant[ie] (?:giorni|ore|mesi|anni|settimane|minuti)
money       quanto costa|qual è il prezzo
count       quant[ie]
quantity    quant[oa]
year        in (?:che|quale) anno
clock       a che ora
time        quando|che (?:giorno|data)
person      chi
place       dove
reason      perché
method      come
thing       che|cosa|quali?
""",
        "Dutch": r"""
frequency   hoe (?:vaak|dikwijls)
duration    hoe lang|hoeveel (?:dagen|uur|weken|maanden|jaar)
money       hoeveel kost|wat kost
count       hoeveel
quantity    hoe (?:veel|hoog|diep|ver|groot|zwaar|breed|warm|snel|oud)
year        in welk jaar
clock       hoe laat
time        wanneer|welke (?:dag|datum)
person      wie|wiens
place       waar
reason      waarom
method      hoe
thing       wat|welke?
""",
        "Portuguese": r"""
frequency   com que frequência
duration    quanto tempo|quant[oa]s (?:dias|horas|meses|anos|semanas|minutos)
money       quanto custa|qual é o preço
count       quant[oa]s
quantity    quant[oa]
year        em que ano
clock       a que horas
time        quando|que (?:dia|data)
person      quem
place       onde
reason      por ?que|porquê
method      como
thing       que|qua(?:l|is)
""",
    }
)
