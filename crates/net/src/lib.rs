//! The native trainer: dense networks, losses, optimizers; many small networks side by side.
