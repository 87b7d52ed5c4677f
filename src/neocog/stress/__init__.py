"""Where a network breaks: attacks on batches of images. torch only.

An attack takes ``logits``, a differentiable function of pixels in [0, 1], and gives changed pixels within a ball round the
given ones. What is drawn at random is a function of (seed, sample), so that no sample's outcome depends on its neighbours.
"""
