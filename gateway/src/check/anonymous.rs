use mapi_core::auth::{AuthChannel, AuthError, AuthScheme, AuthStep, Credentials};

/// Nobody: sends no credentials, so that the server says what it takes. A 401 ends in [`AuthError::NotOffered`] with the
/// schemes that the server offers.
#[derive(Debug)]
pub(super) struct Anonymous;

impl Credentials for Anonymous {
    fn scheme(&self) -> Box<dyn AuthScheme> {
        Box::new(Asking)
    }
}

struct Asking;

impl AuthScheme for Asking {
    fn start(&mut self, _channel: AuthChannel<'_>) -> AuthStep {
        AuthStep::Done
    }

    fn step(&mut self, challenges: &[String], _channel: AuthChannel<'_>) -> AuthStep {
        AuthStep::Failed(AuthError::NotOffered(challenges.to_vec()))
    }
}

/// The names of the schemes of WWW-Authenticate values, such as `Negotiate, NTLM`; without tokens and realms.
pub(super) fn scheme_names(challenges: &[String]) -> String {
    let first =
        |challenge: &String| challenge.split_whitespace().next().map(|name| name.trim_end_matches(',').to_owned());
    let mut names: Vec<String> = challenges.iter().filter_map(first).take(10).collect();
    names.dedup();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_only() {
        let challenges = ["Negotiate", "NTLM TlRMTVNTUAAC", "Basic realm=\"mail\""].map(str::to_owned);
        assert_eq!(scheme_names(&challenges), "Negotiate, NTLM, Basic");
        assert_eq!(scheme_names(&[]), "none");
    }
}
