//! COMPRESS=DEFLATE (RFC 4978) for test clients: a stream that compresses what is written to it and decompresses what is read.

use std::io::{self, Write};

use flate2::write::{DeflateDecoder, DeflateEncoder};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};

/// Bytes that wait between the client and the connection, and that are read at a time.
const ROOM: usize = 16 << 10;

/// The client's end of a connection that is compressed from now on. It ends when the connection does, or what comes is not deflate.
pub fn deflated(connection: impl AsyncRead + AsyncWrite + Send + 'static) -> DuplexStream {
    let (ours, clients) = tokio::io::duplex(ROOM);
    let (mut from_server, mut to_server) = tokio::io::split(connection);
    let (mut from_client, mut to_client) = tokio::io::split(ours);
    tokio::spawn(async move {
        let mut deflater = DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut piece = vec![0; ROOM];
        while let Ok(count @ 1..) = from_client.read(&mut piece).await {
            deflater.write_all(&piece[..count])?;
            deflater.flush()?;
            to_server.write_all(&std::mem::take(deflater.get_mut())).await?;
            to_server.flush().await?;
        }
        to_server.shutdown().await
    });
    tokio::spawn(async move {
        let mut inflater = DeflateDecoder::new(Vec::new());
        let mut piece = vec![0; ROOM];
        while let Ok(count @ 1..) = from_server.read(&mut piece).await {
            inflater.write_all(&piece[..count])?;
            inflater.flush()?;
            to_client.write_all(&std::mem::take(inflater.get_mut())).await?;
        }
        to_client.shutdown().await?;
        io::Result::Ok(())
    });
    clients
}
