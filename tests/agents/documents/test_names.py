import pytest

from agents.documents.names import rank_names

NAMES = [
    "contract_verizon_transfer_servicing.pdf",
    "contract_orlov_maintenance.pdf",
    "Reports/2024/AnnualReport.docx Annual Report of the Port",
    "Reports/2023/AnnualReport.docx Annual Report of the Port",
    "notes.txt",
    "租赁合同.pdf",
    "Résumé Müller.pdf",
]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("the verizon contract", [0]),
        ("verizn contract", [0]),
        ("contracts", [0, 1]),
        ("annual report 2023", [3, 2]),
        ("the annual report", [2, 3]),
        ("maint", [1]),
        ("合同", [5]),
        ("resume muller", [6]),
        ("lease", []),
        ("", []),
        ("!?", []),
    ],
)
def test_a_name_is_found_by_some_of_its_words(query: str, found: list[int]) -> None:
    assert rank_names(query, NAMES) == found


def test_words_that_every_name_has_still_find_them_all() -> None:
    assert rank_names("pdf", ["a.pdf", "b.pdf"]) == [0, 1]


def test_nothing_is_found_among_no_names() -> None:
    assert rank_names("contract", []) == []
