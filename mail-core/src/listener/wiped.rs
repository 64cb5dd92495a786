use zeroize::Zeroizing;

/// Adds `more` to the end of `buffer`. Where `Vec` itself would grow, it might move and leave its content behind in freed
/// memory; here the content is copied and the old memory wiped. Takes linear time over all.
pub fn append_wiped(buffer: &mut Zeroizing<Vec<u8>>, more: &[u8]) {
    let needed = buffer.len().saturating_add(more.len());
    if needed > buffer.capacity() {
        let room = if buffer.is_empty() { needed } else { needed.saturating_mul(2) };
        let mut grown = Zeroizing::new(Vec::with_capacity(room));
        grown.extend_from_slice(buffer);
        *buffer = grown;
    }
    buffer.extend_from_slice(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_kept_and_growing_is_seldom() {
        let mut buffer = Zeroizing::new(Vec::new());
        let mut moves = 0;
        for number in 0..10_000_u32 {
            let capacity = buffer.capacity();
            append_wiped(&mut buffer, &number.to_be_bytes());
            moves += usize::from(buffer.capacity() != capacity);
        }
        let expected: Vec<u8> = (0..10_000_u32).flat_map(u32::to_be_bytes).collect();
        assert_eq!(*buffer, expected);
        assert!(moves <= 16 && buffer.capacity() <= 4 * expected.len());
    }
}
