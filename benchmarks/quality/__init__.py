"""The quality bench: the same questions through the product and through plain calls to the same model.

questions   a question set over real documents: question, gold answer, gold pages, evidence
systems     who answers: the product with the model, the product without one, plain calls
pages       the plainest search beside them: BM25 over whole pages
judge       what an answer is worth: gold answer held, citations on gold pages, refusals
fit_ranking fits the weights by which the engine without a model ranks sentences
likelihood  whether what a model finds likely tells the right source better than the rules
model       the small trained model that the bench runs with, got from the package registry
"""
