/// A message of exactly so many bytes that ends with a line end.
pub fn of(bytes: usize) -> Vec<u8> {
    let mut message = b"From: alice@example.test\r\nTo: alice@example.test\r\nSubject: large\r\n\r\n".to_vec();
    let mut number = 0_u64;
    while message.len() + 80 <= bytes {
        number += 1;
        message.extend_from_slice(format!("{:0>78}\r\n", number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).as_bytes());
    }
    while message.len() + 2 < bytes {
        message.push(b'.');
    }
    message.extend_from_slice(b"\r\n");
    message
}

/// A message with a header of so many bytes in short fields.
pub fn with_header(bytes: usize) -> Vec<u8> {
    let mut message = b"Subject: much\r\n".to_vec();
    while message.len() < bytes {
        let field = format!("X-Line: {:0>70}\r\n", message.len());
        message.extend_from_slice(field.as_bytes());
    }
    message.extend_from_slice(b"\r\nbody\r\n");
    message
}

/// The keys of a SEARCH for so many words.
pub fn search(keys: usize) -> String {
    (0..keys).fold("SEARCH".to_owned(), |command, key| format!("{command} NOT BODY \"z{key}\""))
}
