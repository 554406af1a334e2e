"""Numba twins of the definitions: contiguous arrays and scalars in, arrays out, ``nogil``.

A kernel knows no panel, space or study, has ``fastmath`` off (money and NaN are concerned) and
computes in the same order as its reference, so that both agree to the last bit.
"""
