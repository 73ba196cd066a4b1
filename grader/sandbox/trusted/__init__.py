"""The trusted side of the sandbox: the zygote and its workers as our processes see them, and the channel among ours."""
