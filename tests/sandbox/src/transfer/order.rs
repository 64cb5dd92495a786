use crate::seed::Random;
use crate::store::Mailbox;

/// In which order properties go into a stream: ascending, or shuffled anew for each list.
#[derive(Debug)]
pub struct Order {
    random: Option<Random>,
}

impl Order {
    /// The order for the next message or attachment that is downloaded from `mailbox`, as its manners want it.
    pub fn next(mailbox: &Mailbox) -> Self {
        let manners = mailbox.manners();
        let number = manners.shuffle_properties.then(|| mailbox.count_download());
        // Neighbouring seeds are as different as any others.
        Self { random: number.map(|number| Random::new(manners.seed.wrapping_add(number))) }
    }

    /// Puts `list` in order.
    pub fn apply<T>(&mut self, list: &mut [T]) {
        if let Some(random) = &mut self.random {
            random.shuffle(list);
        }
    }
}
