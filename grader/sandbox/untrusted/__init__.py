"""The untrusted side: the zygote's process, and the worker's, which runs student code.

Nothing in here may import anything of the package but the wire, the layers and the limits; an import contract holds it.
"""
