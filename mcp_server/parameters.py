"""The tools' parameters: what a model reads about them, and their bounds."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from agents.benchmark.report import Suite
from agents.schema import MAX_QUESTION_CHARACTERS, MAX_QUOTES, Mode
from agents.settings import MIN_WINDOW_TOKENS

_ONE_OR_SEVERAL = BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)
"""One string alone, as models often pass it, is taken for a list of one. It comes last: it must not see the bounds."""

_SOURCE = (
    "an absolute path to a file on the server's machine (PDF, DOCX, PPTX, XLSX, XLS, ODS, ODT, RTF, HTML, "
    "Markdown, TXT, CSV, EPUB, JSON, EML, MSG), or a document_id from an earlier result; list_documents finds both"
)
_FOLDER = "An absolute path to a folder stands for all documents in it"

Question = Annotated[
    str,
    Field(
        description="The question, in full sentences. A follow-up may refer to the session's earlier turns.",
        json_schema_extra={"minLength": 1, "maxLength": MAX_QUESTION_CHARACTERS},
    ),
]
DocumentPath = Annotated[str, Field(description=f"The document to read: {_SOURCE}.")]
AnalysedPath = Annotated[
    str,
    Field(description=f"The document to read: {_SOURCE}. {_FOLDER}, at most the 20 newest: they are read together."),
]
DocumentPaths = Annotated[
    tuple[str, ...],
    Field(
        max_length=50,
        description=f"The documents to search; each is {_SOURCE}. {_FOLDER}, as far as the server's limit goes (1,000, "
        "if it was not changed; the result says what was left out). Empty: the session's documents.",
    ),
    _ONE_OR_SEVERAL,
]
OtherDocumentPaths = Annotated[
    tuple[str, ...],
    Field(max_length=20, description=f"With mode 'comparison', what to compare the document with; each is {_SOURCE}."),
    _ONE_OR_SEVERAL,
]
AnalysisMode = Annotated[
    Mode,
    Field(
        description="summary: the main points of the whole document. detailed: section by section. comparison: what "
        "the document and compare_with share and where they differ; of two versions, every sentence that changed. "
        "extraction: a table of what focus names."
    ),
]
BenchmarkSuite = Annotated[
    Suite,
    Field(
        description="quick: under a minute. full: everything, some minutes. context: long documents. quality: answers "
        "to questions whose answers are known."
    ),
]
BenchmarkPaths = Annotated[
    tuple[str, ...],
    Field(
        max_length=5,
        description="Absolute paths of the user's documents to measure on, above all with suite 'quality'. Empty: made "
        "ones.",
    ),
    _ONE_OR_SEVERAL,
]
Focus = Annotated[
    str | None,
    Field(
        description="What to look at or to extract, for example 'payment terms' or 'every date and who set it'.",
        json_schema_extra={"maxLength": MAX_QUESTION_CHARACTERS},
    ),
]
WindowTokens = Annotated[
    int | None,
    Field(
        json_schema_extra={"minimum": MIN_WINDOW_TOKENS},
        description="Tokens read at once, as far as the engine's context holds them; 131072 reads the document in one "
        "pass. None: the server's setting, which is right for most documents.",
    ),
]
SessionId = Annotated[
    str | None,
    Field(description="The session_id of an earlier result, to go on with its history and documents; none: a new one."),
]
Cursor = Annotated[
    str | None,
    Field(description="The next_cursor of an earlier result, with its other arguments: gives the next part of it."),
]
WaitSeconds = Annotated[
    float,
    Field(
        ge=0,
        le=3_600,
        description="Longest wait for the result, in seconds. Work that needs longer goes on and is reported as "
        "status 'running'; the same call made again joins it or gets its result.",
    ),
]
Folder = Annotated[
    str | None,
    Field(
        description="Only documents in this folder and the folders in it: an absolute path, or the folder's name as "
        "the user says it. None: all that may be read."
    ),
]
NameQuery = Annotated[
    str | None,
    Field(
        description="Words of the document's file name, folder or title, as the user says them: 'the verizon contract'."
        " It does not search in the text: for that use ask.",
        json_schema_extra={"maxLength": 500},
    ),
]
ListCursor = Annotated[
    str | None,
    Field(description="next_cursor of an earlier list, to get the rest; folder and query are known from it."),
]
Pages = Annotated[
    str | None,
    BeforeValidator(lambda value: str(value) if isinstance(value, int) else value),
    Field(
        description="The pages, slides or sheets to read, as citations count them: '3', '3-5', '2, 7-9'; or the number "
        "printed on a page ('iv') or a sheet's name."
    ),
]
Section = Annotated[
    str | None,
    BeforeValidator(lambda value: str(value) if isinstance(value, int | float) else value),
    Field(
        description="The section to read, by its number or heading: '4.2', 'Article 5', 'Appendix B', 'Termination'."
    ),
]
Find = Annotated[
    str | None,
    Field(
        description="Words to look for, or a quote to check: the result says whether they stand there word for word, "
        "how often and where, or what stands there instead. With pages or section: whether they stand in these.",
        json_schema_extra={"minLength": 1, "maxLength": MAX_QUESTION_CHARACTERS},
    ),
]
ReadCursor = Annotated[
    str | None,
    Field(
        description="next_cursor of an earlier part of the same document, to read on; without pages, section and find."
    ),
]
DocumentId = Annotated[str, Field(description="A document_id of a result.", pattern=r"^[0-9a-f]{16}$")]
PageNumber = Annotated[int, Field(description="The page's position, from 1.", ge=1)]
QuoteSpans = Annotated[
    tuple[tuple[int, int], ...],
    Field(description="start and end of the quotes to mark, as citations count them.", max_length=MAX_QUOTES),
]
