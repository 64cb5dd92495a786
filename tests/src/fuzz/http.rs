use mapi_core::http::{
    self, AuxiliaryBlock, ConnectRequest, ConnectResponse, DisconnectRequest, DisconnectResponse, Entity,
    EntityDecoder, EntityError, ExecuteRequest, ExecuteResponse, Packing, WaitRequest, WaitResponse,
};
use mapi_core::rtf;

use super::cut;

/// Response entities: PROCESSING, PENDING, DONE, additional headers, body.
pub fn entity(data: &[u8]) {
    let pieces = cut(data);
    let whole = read_entity(&[&pieces.concat()]);
    assert_eq!(whole, read_entity(&pieces));
    if let Ok(entity) = whole {
        let headers: Vec<_> = entity.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(read_entity(&[&http::encode_entity(&headers, &entity.body)]).as_ref(), Ok(&entity));
        let _ = entity.response_code();
    }
}

fn read_entity(pieces: &[&[u8]]) -> Result<Entity, EntityError> {
    let mut decoder = EntityDecoder::new(1 << 16);
    for piece in pieces {
        decoder.push(piece)?;
    }
    decoder.finish()
}

/// Bodies of requests and responses. The first byte chooses which.
pub fn body(data: &[u8]) {
    macro_rules! request {
        ($kind:ty, $data:expr) => {
            if let Ok(body) = <$kind>::decode($data) {
                assert_eq!(<$kind>::decode(&body.encode()).as_ref(), Ok(&body));
            }
        };
    }
    macro_rules! response {
        ($kind:ty, $data:expr) => {
            if let Ok(Ok(body)) = <$kind>::decode($data) {
                assert_eq!(<$kind>::decode(&body.encode()), Ok(Ok(body)));
            }
        };
    }
    let Some((&kind, data)) = data.split_first() else { return };
    match kind % 8 {
        0 => request!(ConnectRequest, data),
        1 => response!(ConnectResponse, data),
        2 => request!(ExecuteRequest, data),
        3 => response!(ExecuteResponse, data),
        4 => request!(WaitRequest, data),
        5 => response!(WaitResponse, data),
        6 => request!(DisconnectRequest, data),
        _ => response!(DisconnectResponse, data),
    }
}

/// Extended buffers: RPC_HEADER_EXT, XorMagic, compression, chains.
pub fn extended(data: &[u8]) {
    let Ok(payloads) = http::unpack(data) else { return };
    let plain: Vec<Vec<u8>> = payloads.into_iter().map(|payload| payload.data).collect();
    if plain.is_empty() || plain.iter().any(|payload| payload.len() > http::MAX_PAYLOAD) {
        return;
    }
    for packing in [Packing::default(), Packing { compress_from: Some(1), xor_magic: true }] {
        let packed = http::pack(&plain, packing).expect("payloads of allowed size");
        let again = http::unpack(&packed).expect("what pack wrote");
        assert!(again.iter().map(|payload| &payload.data).eq(&plain));
    }
}

/// Auxiliary buffers.
pub fn auxiliary(data: &[u8]) {
    if let Ok(blocks) = AuxiliaryBlock::decode_buffer(data) {
        let _ = AuxiliaryBlock::server_capabilities(&blocks);
        if let Ok(buffer) = AuxiliaryBlock::encode_buffer(&blocks) {
            assert_eq!(AuxiliaryBlock::decode_buffer(&buffer).as_ref(), Ok(&blocks));
        }
    }
}

/// LZ77. The first two bytes are the size asked for.
pub fn lz77(data: &[u8]) {
    if let Some((size, packed)) = data.split_first_chunk() {
        let size = usize::from(u16::from_le_bytes(*size));
        if let Ok(plain) = http::decompress(packed, size) {
            assert_eq!(plain.len(), size);
        }
    }
    assert_eq!(http::decompress(&http::compress(data), data.len()).as_deref(), Ok(data));
}

/// Compressed RTF, and what RTF holds.
pub fn rtf(data: &[u8]) {
    if let Ok(plain) = rtf::decompress(data, 1 << 16) {
        let _ = rtf::read(&plain.rtf);
    }
    let _ = rtf::read(data);
    let again = rtf::decompress(&rtf::compress(data), data.len()).expect("what compress wrote");
    assert!(again.intact && again.rtf == data);
}
