use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mapi_core::auth::{BearerCredentials, PlainHttp};
use mapi_core::client::{EndpointUrl, FormAnswer, Timeouts, Tls, TlsSettings, TlsVerification, post_form};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use zeroize::{Zeroize, Zeroizing};

use super::answer::{Seconds, Tokens, words};
use super::form::{Form, encode};
use super::{DeviceCode, OAuthError, Poll};
use crate::config::{ConfigError, OAuthConfig};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What an access token is good for if the service does not say.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Longer lifetimes are not believed.
const LONGEST_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a token is asked for with.
pub enum Grant<'a> {
    /// The client itself (RFC 6749 4.4).
    ClientCredentials,
    /// A refresh token (RFC 6749 6).
    RefreshToken(&'a SecretString),
}

/// A token service and the gateway's registration there.
pub struct TokenEndpoint {
    token_url: EndpointUrl,
    device_url: Option<EndpointUrl>,
    tls: Tls,
    client_id: String,
    client_secret: Option<SecretString>,
    scope: Option<String>,
}

impl TokenEndpoint {
    /// Sets TLS up and reads the client's secret. `key` is where the configuration has it.
    ///
    /// # Errors
    /// Files that can't be read, variables that aren't set, URLs that can't be used.
    pub fn new(key: &str, config: &OAuthConfig) -> Result<Self, ConfigError> {
        let mut problems = config.problems(key);
        if !problems.is_empty() {
            return Err(problems.remove(0));
        }
        let invalid = |name: &str, why: String| ConfigError::invalid(format!("{key}.{name}"), why);
        let url = |name: &str, url: &str| {
            EndpointUrl::parse(url, config.plain_http()).map_err(|error| invalid(name, error.to_string()))
        };
        let client_secret = match (&config.client_secret_file, &config.client_secret_env) {
            (Some(path), _) => {
                let text = std::fs::read_to_string(path).map(Zeroizing::new);
                let text =
                    text.map_err(|error| invalid("client_secret_file", format!("{}: {error}", path.display())))?;
                Some(one_line(&text).ok_or_else(|| invalid("client_secret_file", "expected one line".to_owned()))?)
            }
            (None, Some(variable)) => {
                let text = std::env::var(variable).map(Zeroizing::new);
                let text = text.map_err(|error| invalid("client_secret_env", format!("{variable}: {error}")))?;
                Some(one_line(&text).ok_or_else(|| invalid("client_secret_env", "expected one line".to_owned()))?)
            }
            (None, None) => None,
        };
        let extra_roots = match &config.ca_file {
            Some(path) => {
                Some(std::fs::read(path).map_err(|error| invalid("ca_file", format!("{}: {error}", path.display())))?)
            }
            None => None,
        };
        let tls = Tls::new(&TlsSettings {
            extra_roots,
            without_system_roots: false,
            verification: TlsVerification::Full,
            allow_no_roots: config.allow_plain_http,
        });
        Ok(Self {
            token_url: url("token_url", &config.token_url)?,
            device_url: config.device_url.as_deref().map(|text| url("device_url", text)).transpose()?,
            tls: tls.map_err(|error| invalid("ca_file", error.to_string()))?,
            client_id: config.client_id.clone(),
            client_secret,
            scope: config.scope.clone(),
        })
    }

    /// Asks for an access token.
    ///
    /// # Errors
    /// See [`OAuthError`].
    pub async fn tokens(&self, grant: Grant<'_>) -> Result<Tokens, OAuthError> {
        let form = match grant {
            Grant::ClientCredentials => Form::default().with("grant_type", "client_credentials"),
            Grant::RefreshToken(token) => {
                Form::default().with("grant_type", "refresh_token").with_secret("refresh_token", token)
            }
        };
        let answer = self.post(&self.token_url, self.scoped(form)).await?;
        self.read_tokens(&answer)
    }

    /// Asks for a code with which somebody can sign in on another device (RFC 8628 3.1).
    ///
    /// # Errors
    /// See [`OAuthError`].
    pub async fn device_code(&self) -> Result<DeviceCode, OAuthError> {
        let missing = "needs oauth.device_url: the URL at which the token service gives out device codes";
        let url = self.device_url.as_ref().ok_or_else(|| OAuthError::Configuration(missing.to_owned()))?;
        let answer = self.post(url, self.scoped(Form::default())).await?;
        self.refusal(&answer)?;
        DeviceCode::read(&answer.body).ok_or_else(|| nonsense("no device code"))
    }

    /// Asks whether somebody has signed in with the code (RFC 8628 3.4).
    ///
    /// # Errors
    /// See [`OAuthError`]. Some are worth another try.
    pub async fn poll(&self, code: &DeviceCode) -> Result<Poll, OAuthError> {
        let form = Form::default()
            .with("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
            .with_secret("device_code", code.secret());
        let answer = self.post(&self.token_url, form).await?;
        match self.read_tokens(&answer) {
            Ok(tokens) => Ok(Poll::Done(tokens)),
            Err(OAuthError::Refused { error, .. }) if error == "authorization_pending" => Ok(Poll::Pending),
            Err(OAuthError::Refused { error, .. }) if error == "slow_down" => Ok(Poll::SlowDown),
            Err(error) => Err(error),
        }
    }

    fn scoped(&self, form: Form) -> Form {
        match &self.scope {
            Some(scope) => form.with("scope", scope),
            None => form,
        }
    }

    /// Clients with a secret show it by Basic, which every service has to take (RFC 6749 2.3.1); others name themselves.
    async fn post(&self, url: &EndpointUrl, form: Form) -> Result<FormAnswer, OAuthError> {
        let authorization = self.client_secret.as_ref().map(|secret| {
            let (id, secret) = (encode(&self.client_id), encode(secret.expose_secret()));
            let pair = Zeroizing::new([id.as_str(), ":", secret.as_str()].concat());
            let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
            SecretString::from(["Basic ", encoded.as_str()].concat())
        });
        let form = form.with("client_id", &self.client_id).finish();
        let timeouts = Timeouts { first_byte: PATIENCE, answer: PATIENCE, ..Timeouts::default() };
        let posted = post_form(url, &self.tls, &timeouts, authorization.as_ref(), &form).await;
        posted.map_err(|error| OAuthError::Unavailable(format!("{url}: {error}")))
    }

    fn read_tokens(&self, answer: &FormAnswer) -> Result<Tokens, OAuthError> {
        self.refusal(answer)?;
        let mut read: TokenAnswer = serde_json::from_slice(&answer.body).map_err(|_| nonsense("no token"))?;
        let lifetime = read.expires_in.as_ref().and_then(Seconds::value).map_or(DEFAULT_LIFETIME, Duration::from_secs);
        let access = SecretString::from(std::mem::take(&mut read.access_token));
        let refresh = read.refresh_token.take().filter(|token| !token.is_empty()).map(SecretString::from);
        if !read.token_type.eq_ignore_ascii_case("bearer") {
            return Err(nonsense("a token of another type than Bearer"));
        }
        if BearerCredentials::new(access.clone(), PlainHttp::Refuse).is_none() {
            return Err(nonsense("a token with characters that no token has"));
        }
        Ok(Tokens { access, lifetime: lifetime.min(LONGEST_LIFETIME), refresh })
    }

    /// The error that an answer tells, if it does.
    fn refusal(&self, answer: &FormAnswer) -> Result<(), OAuthError> {
        if answer.status == 200 {
            return Ok(());
        }
        let Ok(read) = serde_json::from_slice::<ErrorAnswer>(&answer.body) else {
            return Err(OAuthError::Unavailable(format!(
                "{} answers with HTTP status {}",
                self.token_url, answer.status
            )));
        };
        Err(OAuthError::Refused { error: words(&read.error), description: words(&read.error_description) })
    }
}

impl fmt::Debug for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpoint").field("token_url", &self.token_url).field("client_id", &self.client_id).finish()
    }
}

/// RFC 6749 5.1
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    token_type: String,
    #[serde(default)]
    expires_in: Option<Seconds>,
    #[serde(default)]
    refresh_token: Option<String>,
}

impl Drop for TokenAnswer {
    fn drop(&mut self) {
        self.access_token.zeroize();
        self.refresh_token.zeroize();
    }
}

/// RFC 6749 5.2
#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
    #[serde(default)]
    error_description: String,
}

pub(super) fn nonsense(what: &str) -> OAuthError {
    OAuthError::Unavailable(format!("its answer can't be used: {what}"))
}

fn one_line(text: &str) -> Option<SecretString> {
    let line = text.trim_end_matches(['\r', '\n']);
    (!line.is_empty() && !line.contains(['\r', '\n']) && line.len() <= 4096).then(|| SecretString::from(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> TokenEndpoint {
        let config = "token_url = \"http://127.0.0.1:1/token\"\nclient_id = \"x\"\nclient_secret_env = \"HOME\"\n\
                      allow_plain_http = true";
        TokenEndpoint::new("x", &toml::from_str(config).expect("well-formed")).expect("good")
    }

    fn read(status: u16, body: &str) -> Result<Tokens, OAuthError> {
        let body = Zeroizing::new(body.as_bytes().to_vec());
        endpoint().read_tokens(&FormAnswer { status, challenges: Vec::new(), body })
    }

    #[test]
    fn the_examples_of_rfc_6749() {
        let text = r#"{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"example","expires_in":3600,
            "refresh_token":"tGzv3JOkF0XG5Qx2TlKWIA","example_parameter":"example_value"}"#;
        assert!(matches!(read(200, text), Err(OAuthError::Unavailable(_))), "of another type");
        let tokens = read(200, &text.replace("\"example\"", "\"bEaReR\"")).expect("tokens");
        assert_eq!(tokens.access.expose_secret(), "2YotnFZFEjr1zCsicMWpAA");
        assert_eq!(tokens.lifetime, Duration::from_secs(3600));
        assert_eq!(tokens.refresh.expect("one").expose_secret(), "tGzv3JOkF0XG5Qx2TlKWIA");
        let refused = read(400, r#"{"error":"invalid_request"}"#).err();
        let expected = OAuthError::Refused { error: "invalid_request".into(), description: String::new() };
        assert_eq!(refused, Some(expected));
    }

    #[test]
    fn what_services_write() {
        let lifetime = |text: &str| {
            let body = format!(r#"{{"access_token":"t","token_type":"Bearer"{text}}}"#);
            read(200, &body).map(|tokens| tokens.lifetime.as_secs())
        };
        assert_eq!(lifetime(""), Ok(600));
        assert_eq!(lifetime(",\"expires_in\":\"120\""), Ok(120));
        assert_eq!(lifetime(",\"expires_in\":99999999999"), Ok(LONGEST_LIFETIME.as_secs()));
        for (status, body) in [
            (200, ""),
            (200, "[]"),
            (200, r#"{"access_token":"a b","token_type":"Bearer"}"#),
            (200, r#"{"access_token":"","token_type":"Bearer"}"#),
            (502, "<html>"),
            (302, ""),
        ] {
            assert!(matches!(read(status, body), Err(OAuthError::Unavailable(_))), "{status} {body}");
        }
        let Err(error) =
            read(401, "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222:\\n expired\"}")
        else {
            panic!("refused")
        };
        let text = error.to_string();
        assert!(
            text.contains("(invalid_client: AADSTS7000222:  expired)") && text.contains("client_secret_file"),
            "{text}"
        );
    }
}
