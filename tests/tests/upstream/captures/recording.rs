use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// One file.
pub struct Recording {
    pub name: String,
    pub exchanges: Vec<Exchange>,
}

/// A request and its answer.
pub struct Exchange {
    pub number: u64,
    /// X-RequestType, or `Autodiscover`.
    pub kind: String,
    pub request_body: Vec<u8>,
    /// The session that the request's cookie names.
    pub session: String,
    pub status: u64,
    response_headers: Vec<(String, String)>,
    /// With meta-tags and additional headers.
    pub response_body: Vec<u8>,
    json: Value,
}

impl Recording {
    /// All files in the order of their numbers.
    pub fn all() -> Vec<Self> {
        let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("captures");
        let mut paths: Vec<_> = fs::read_dir(&directory)
            .expect("the recordings are part of the sources")
            .map(|entry| entry.expect("a directory entry").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect();
        paths.sort();
        paths.into_iter().map(Self::read).collect()
    }

    fn read(path: PathBuf) -> Self {
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a text file");
        let json: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let exchanges = json["exchanges"].as_array().expect("exchanges").iter().map(Exchange::new).collect();
        Self { name, exchanges }
    }
}

impl Exchange {
    fn new(json: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        let (request, response) = (&json["request"], &json["response"]);
        let header = |pair: &Value| (text(&pair[0]), text(&pair[1]));
        let cookie = request["headers"]["Cookie"].as_str().unwrap_or_default();
        Self {
            number: json["n"].as_u64().expect("a number"),
            kind: text(&json["type"]),
            request_body: bytes(&request["body"]),
            session: cookie.split(';').find_map(|c| c.trim().strip_prefix("sid=")).unwrap_or_default().to_owned(),
            status: response["status"].as_u64().expect("a status"),
            response_headers: response["headers"].as_array().expect("headers").iter().map(header).collect(),
            response_body: bytes(&response["body"]),
            json: json.clone(),
        }
    }

    /// A header of the response.
    pub fn response_header(&self, name: &str) -> Option<&str> {
        let mut headers = self.response_headers.iter();
        headers.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// What the independent decoder read.
    pub fn expected(&self) -> Option<&Value> {
        self.json.get("expected")
    }

    /// A field of the recording beside request and response.
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.json.get(name)
    }

    /// Runs `check`; a failure says which exchange it was.
    pub fn run<T>(&self, recording: &Recording, check: impl FnOnce() -> T) -> T {
        catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|cause| {
            eprintln!("in {}, exchange {} ({})", recording.name, self.number, self.kind);
            resume_unwind(cause)
        })
    }
}

/// The bytes of a base64 string.
pub fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().expect("base64")).expect("base64")
}
