"""Has a pickle import the forbidden torch.

file: plain.py
says: may not be imported
"""
import pickle


def normalise(x):
    normalize, tensor = pickle.loads(b"(ctorch.nn.functional\nnormalize\nctorch\nfrom_numpy\nt.")
    return normalize(tensor(x), dim=1).numpy()
