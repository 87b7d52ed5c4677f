"""The smallest changes of an image that turn a network's answer: attacks on batches. torch only.

An attack takes ``network``, a differentiable function from images in [0, 1] to outputs, and gives images changed within a
ball round the given ones. What is drawn at random is a function of (seed, sample), so that but for rounding no sample's
outcome depends on its neighbours.
"""
