/// The longest tag that is echoed.
const MAX_TAG: usize = 64;

/// The tag at the start of a command, if it is fit to be echoed.
pub(crate) fn tag_of(command: &[u8]) -> Option<String> {
    let command = command.get(..command.len().min(MAX_TAG + 1))?;
    let end = command.iter().position(|byte| matches!(byte, b' ' | b'\r' | b'\n'))?;
    let tag = command.get(..end)?;
    (!tag.is_empty() && tag.iter().all(|byte| is_tag_char(*byte))).then(|| String::from_utf8_lossy(tag).into_owned())
}

/// `tag = 1*<any ASTRING-CHAR except "+">`
fn is_tag_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b'+')
}
