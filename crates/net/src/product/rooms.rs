//! Where threads that share a product bring its factors near.

use std::slice::ChunksMut;
use std::sync::{Mutex, PoisonError};

/// Room for each thread, which takes it for one part and gives it back after.
pub(super) struct Rooms<'a, T> {
    /// Not taken yet, and given back; where there is one part nothing is, so that nothing is allocated.
    rooms: Mutex<(ChunksMut<'a, T>, Vec<&'a mut [T]>)>,
    parts: usize,
}

impl<'a, T> Rooms<'a, T> {
    /// Of so many numbers each; none of them where there is no room.
    pub(super) fn new(all: &'a mut [T], each: usize, parts: usize) -> Rooms<'a, T> {
        Rooms { rooms: Mutex::new((all.chunks_mut(each.max(1)), Vec::new())), parts }
    }

    /// Lends one of them.
    pub(super) fn with(&self, work: impl FnOnce(&mut [T])) {
        let rooms = || self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let take = |(fresh, used): &mut (ChunksMut<'a, T>, Vec<&'a mut [T]>)| used.pop().or_else(|| fresh.next());
        let room = take(&mut rooms()).unwrap_or_default();
        work(&mut *room);
        if self.parts > 1 {
            rooms().1.push(room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_lent_to_one_at_a_time_and_none_where_there_is_none() {
        let mut all = [0; 6];
        let rooms = Rooms::new(&mut all, 3, 4);
        rooms.with(|one| {
            one.fill(1);
            rooms.with(|other| other.fill(2));
        });
        rooms.with(|again| assert_eq!(again.len(), 3));
        drop(rooms);
        assert_eq!(all, [1, 1, 1, 2, 2, 2]);
        Rooms::<i32>::new(&mut [], 0, 1).with(|none| assert!(none.is_empty()));
    }
}
