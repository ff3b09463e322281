"""Calculations: pure arithmetic, from numbers in SI units to numbers in SI units.

Every function works elementwise: where a type says float, NumPy arrays that broadcast together
do as well, and the result has their shape. Nothing here reads a parameter, rounds for display or
knows a chip or a model by name. A Count that switches something on is 0 or 1.
"""
