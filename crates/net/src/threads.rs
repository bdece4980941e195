//! Work of one run that several threads share.

/// Does each part on a thread of its own, the last one on this.
pub(crate) fn spread<P: Send>(parts: impl Iterator<Item = P>, work: impl Fn(P) + Sync) {
    let mut parts = parts.peekable();
    let Some(first) = parts.next() else { return };
    // Threads, even none of them, take memory.
    if parts.peek().is_none() {
        return work(first);
    }
    std::thread::scope(|scope| {
        let work = &work;
        scope.spawn(move || work(first));
        while let Some(part) = parts.next() {
            match parts.peek() {
                Some(_) => drop(scope.spawn(move || work(part))),
                None => work(part),
            }
        }
    });
}

/// The threads that a run may have where `busy` of them share so many cores: at least 1.
pub(crate) fn share(cores: usize, busy: usize) -> usize {
    (cores / busy.max(1)).max(1)
}
