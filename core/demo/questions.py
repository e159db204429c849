"""Questions that the demo talks answer: suggestions for a first question, and a test that search finds the answers."""

from __future__ import annotations

from dataclasses import dataclass

from core.demo.reader import demo_transcripts
from core.models import Segment


@dataclass(frozen=True, slots=True)
class DemoQuestion:
    """A question and the words of the talk that answer it."""

    text: str
    language: str
    video_id: str
    answer: str
    """Verbatim from the talk, so that the seconds follow the text when a talk is edited."""

    @property
    def start_s(self) -> float:
        """Start of the caption line in which the answer begins. Raises ValueError when the talk lacks the answer."""
        return self._lines()[0].start_s

    @property
    def end_s(self) -> float:
        """End of the caption line in which the answer ends. Raises ValueError when the talk lacks the answer."""
        return self._lines()[-1].end_s

    def _lines(self) -> list[Segment]:
        talk = next(talk for talk in demo_transcripts() if talk.video.video_id == self.video_id)
        begin = " ".join(line.text for line in talk.segments).index(self.answer)
        touched, at = [], 0
        for line in talk.segments:
            if at < begin + len(self.answer) and at + len(line.text) > begin:
                touched.append(line)
            at += len(line.text) + 1
        return touched


DEMO_QUESTIONS: tuple[DemoQuestion, ...] = (
    DemoQuestion(
        "What is an embedding?",
        "en",
        "demo-embeddings",
        "An embedding is a list of numbers that stands for the meaning of a piece of text.",
    ),
    DemoQuestion(
        "Why is a talk cut into chunks, and how long is a chunk?",
        "en",
        "demo-chunking",
        "Chunking means cutting a transcript into pieces that are small enough to be about one thing and large "
        "enough to be understood alone. In Cuepoint a chunk has about 1,000 characters by default.",
    ),
    DemoQuestion(
        "What is HNSW and how does it search?",
        "en",
        "demo-vector-indexes",
        "HNSW is a graph in which every vector is linked to a handful of near neighbours, and the search walks "
        "along the links, always towards the question.",
    ),
    DemoQuestion(
        "What is the weakness of reciprocal rank fusion?",
        "en",
        "demo-hybrid-retrieval",
        "The weakness of rank fusion is that two lukewarm votes beat one enthusiastic vote.",
    ),
    DemoQuestion(
        "What does the temperature of a language model do?",
        "en",
        "demo-prompts",
        "Temperature is the number by which the scores are divided before they become probabilities.",
    ),
    DemoQuestion(
        "How are the citations of an answer checked?",
        "en",
        "demo-citations",
        "If a citation number does not exist, or its passage does not support the sentence, the citation is "
        "dropped and the sentence is marked as unsupported.",
    ),
    DemoQuestion(
        "What helps against hallucination?",
        "en",
        "demo-hallucination",
        "First, retrieval: give the model passages to answer from, so that it has something to read instead of "
        "something to remember.",
    ),
    DemoQuestion(
        "How is PSI, the population stability index, calculated?",
        "en",
        "demo-drift",
        "The formula of PSI is: for each bin, current share minus reference share, times the natural logarithm of "
        "current share divided by reference share; then add up all bins.",
    ),
    DemoQuestion(
        "What do 1,000 users with 30 searches a day cost in a month?",
        "en",
        "demo-token-cost",
        "900,000 times 0.0080 dollars is 7,200 dollars a month.",
    ),
    DemoQuestion(
        "What is the best defence against prompt injection?",
        "en",
        "demo-prompt-injection",
        "The best defence against prompt injection is to give the model no power that an attacker could use.",
    ),
    DemoQuestion(
        "¿Por qué engañan los pulgares?",
        "es",
        "demo-feedback",
        "vota sobre todo quien está muy contento o muy enfadado.",
    ),
    DemoQuestion(
        "¿Qué se hace con un pulgar abajo?",
        "es",
        "demo-feedback",
        "Un pulgar abajo es un caso de prueba que alguien te ha regalado.",
    ),
    DemoQuestion(
        "¿Cómo puedo saber qué porcentaje de las respuestas es malo?",
        "es",
        "demo-feedback",
        "Si quieres saber qué porcentaje de las respuestas es malo, necesitas una muestra al azar.",
    ),
    DemoQuestion(
        "¿Qué ocurre si se optimiza a ciegas para conseguir pulgares arriba?",
        "es",
        "demo-feedback",
        "El sistema aprende a halagar. Escribe más largo, duda menos, nunca se niega.",
    ),
    DemoQuestion(
        "¿Qué conserva la traza de una respuesta?",
        "es",
        "demo-feedback",
        "la pregunta, los pasajes que se encontraron, el texto exacto que recibió el modelo y lo que contestó.",
    ),
    DemoQuestion(
        "¿Qué preguntas hay que hacerse ante una respuesta mala?",
        "es",
        "demo-feedback",
        "Ante una respuesta mala, haz siempre tres preguntas, y hazlas en este orden. La primera: ¿está la "
        "respuesta en la biblioteca?",
    ),
    DemoQuestion(
        "¿Cómo se escribe un caso de prueba?",
        "es",
        "demo-feedback",
        "la respuesta tiene que mencionar catorce días y tiene que citar ese pasaje.",
    ),
    DemoQuestion(
        "¿Puedo retirar mi voto?",
        "es",
        "demo-feedback",
        "si te equivocaste, puedes retirar el voto.",
    ),
    DemoQuestion(
        "Was ist ein Hash?",
        "de",
        "demo-data-versions",
        "Ein Hash ist eine kurze Zeichenfolge, die aus dem Inhalt berechnet wird; gleicher Inhalt ergibt immer "
        "denselben Hash, und schon ein geändertes Komma ergibt einen anderen.",
    ),
    DemoQuestion(
        "Was hält eine Datenversion fest?",
        "de",
        "demo-data-versions",
        "Eine Datenversion hält fest, welcher Stand der Bibliothek zu einer Antwort oder zu einer Messung gehört.",
    ),
    DemoQuestion(
        "Was geschieht, wenn jemand ein Transkript verbessert?",
        "de",
        "demo-data-versions",
        "Wenn jemand ein Transkript verbessert, werden nur die Abschnitte dieses Vortrags ersetzt, alle anderen "
        "bleiben unberührt.",
    ),
    DemoQuestion(
        "Warum dürfen Vektoren aus zwei Modellen nicht gemischt werden?",
        "de",
        "demo-data-versions",
        "Vektoren aus zwei verschiedenen Modellen dürfen nie gemischt werden, denn jedes Modell ordnet die "
        "Bedeutungen auf seine eigene Weise an.",
    ),
    DemoQuestion(
        "Was gilt als Wahrheit, das Hauptbuch oder der Suchindex?",
        "de",
        "demo-data-versions",
        "In Cuepoint ist das Hauptbuch die Wahrheit, und der Suchindex wird daraus abgeleitet.",
    ),
    DemoQuestion(
        "Wie lange dauert es, alles neu einzubetten?",
        "de",
        "demo-data-versions",
        "Alles neu einzubetten dauert also 500 Sekunden, gut acht Minuten.",
    ),
    DemoQuestion(
        "Wann ist ein Vergleich von zwei Messungen gültig?",
        "de",
        "demo-data-versions",
        "Ein Vergleich ist nur dann gültig, wenn beide Messungen auf derselben Datenversion beruhen.",
    ),
    DemoQuestion(
        "Was steht in der Spur einer Antwort?",
        "de",
        "demo-data-versions",
        "Darin stehen die Frage, die gefundenen Passagen im Wortlaut, der genaue Text an das Modell, das Modell "
        "selbst und die Zeit.",
    ),
)
