"""Convolutional networks in NumPy alone: every sum forward and every derivative back is written out, under PyTorch's names.

from neocog.scratch import CrossEntropyLoss, SGD, lenet5

model, criterion = lenet5(), CrossEntropyLoss()
optimizer = SGD(model.parameters(), lr=0.1)
optimizer.zero_grad()
loss = criterion(model(images), labels)
model.backward(criterion.backward())          # in PyTorch: loss.backward()
optimizer.step()
"""

from neocog.scratch.activation import ELU, LeakyReLU, Maxout, ReLU, Sigmoid, Softmax, Tanh
from neocog.scratch.conv import Conv2d, ConvTranspose2d
from neocog.scratch.files import load, save
from neocog.scratch.filters import filter_bank
from neocog.scratch.functional import convolve2d, pool2d
from neocog.scratch.lenet import C3_TABLE, lenet5
from neocog.scratch.linear import Flatten, Linear
from neocog.scratch.loss import CrossEntropyLoss, L1Loss, MSELoss
from neocog.scratch.module import Module, Parameter
from neocog.scratch.norm import BatchNorm2d, Dropout, Dropout2d
from neocog.scratch.optim import L1, L2, SGD, Adam, AdamW, RMSprop
from neocog.scratch.pool import AvgPool2d, LPPool2d, MaxPool2d, MinPool2d
from neocog.scratch.sequential import Sequential
from neocog.scratch.training import predict, train_step
from neocog.scratch.window import output_size

__all__ = [
    "C3_TABLE",
    "ELU",
    "L1",
    "L2",
    "SGD",
    "Adam",
    "AdamW",
    "AvgPool2d",
    "BatchNorm2d",
    "Conv2d",
    "ConvTranspose2d",
    "CrossEntropyLoss",
    "Dropout",
    "Dropout2d",
    "Flatten",
    "L1Loss",
    "LPPool2d",
    "LeakyReLU",
    "Linear",
    "MSELoss",
    "MaxPool2d",
    "Maxout",
    "MinPool2d",
    "Module",
    "Parameter",
    "RMSprop",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "convolve2d",
    "filter_bank",
    "lenet5",
    "load",
    "output_size",
    "pool2d",
    "predict",
    "save",
    "train_step",
]
