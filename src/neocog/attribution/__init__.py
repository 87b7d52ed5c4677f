"""What a network sees in one sample: activations and weights of its layers, and what of the input an answer rests on.

Functions from (network, inputs) to arrays; torch only. ``verbs/explain.py`` makes pictures of them.
"""
