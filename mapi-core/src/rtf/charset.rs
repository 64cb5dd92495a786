use encoding_rs::{Encoding, WINDOWS_1252};

/// The encoding of a Windows code page; those without one read as windows-1252.
pub(super) fn of_code_page(code_page: i32) -> &'static Encoding {
    u16::try_from(code_page).ok().and_then(codepage::to_encoding).unwrap_or(WINDOWS_1252)
}

/// The encoding of a font's `\fcharset`; `None` where the document's own applies.
pub(super) fn of_font_charset(charset: i32) -> Option<&'static Encoding> {
    let code_page = match charset {
        0 => 1252,
        77 => 10000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1253,
        162 => 1254,
        163 => 1258,
        177 => 1255,
        178..=180 => 1256,
        186 => 1257,
        204 => 1251,
        222 => 874,
        238 => 1250,
        _ => return None,
    };
    Some(of_code_page(code_page))
}
