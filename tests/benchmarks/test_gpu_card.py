import pytest

from benchmarks.gpu.card import card_name


@pytest.mark.parametrize(
    ("gpu", "name"),
    [
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA H100 PCIe", "h100"),
        ("NVIDIA H200", "h200"),
        ("NVIDIA A100-SXM4-80GB", "a100"),
        ("NVIDIA GeForce RTX 4090", "rtx4090"),
        ("NVIDIA GeForce RTX 4080 SUPER", "rtx4080super"),
        ("Tesla T4", "t4"),
        ("NVIDIA RTX 6000 Ada Generation", "rtx6000ada"),
        ("", "gpu"),
    ],
)
def test_a_results_file_is_named_by_its_card(gpu: str, name: str) -> None:
    assert card_name(gpu) == name
