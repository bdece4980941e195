"""A network on handwritten digits whose learning rate goes up and down between two rates, once an epoch."""

import csv
import sys
from pathlib import Path

import torch
from torch import nn

from opportune.torch import CyclicLR

torch.manual_seed(int(sys.argv[1]) if len(sys.argv) > 1 else 0)

with open(Path(__file__).parents[2] / "data" / "digits.csv", newline="") as file:
    rows = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]
data = torch.tensor(rows)[torch.randperm(len(rows))]
X, y = data[:, :-1] / 16, data[:, -1].long()
X_train, y_train, X_test, y_test = X[:1347], y[:1347], X[1347:], y[1347:]

model = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
scheduler = CyclicLR(
    optimizer,
    base_lr=0.0001,
    max_lr=0.01,
    step_size_up=20,
    step_size_down=20,
    mode="triangular",
    cycle_momentum=False,
)

for epoch in range(100):
    print("Learning rate:", scheduler.get_last_lr()[0])
    optimizer.zero_grad()
    loss = criterion(model(X_train), y_train)
    loss.backward()
    optimizer.step()
    scheduler.step()

with torch.no_grad():
    accuracy = (model(X_test).argmax(1) == y_test).float().mean().item()
print("Test accuracy:", round(accuracy, 4))
