use mapi_core::nspi as n;

/// Bodies of address book requests and responses. The first byte chooses which.
pub fn nspi(data: &[u8]) {
    let Some((&kind, data)) = data.split_first() else { return };
    // Bytes are compared, not values: a NaN is not equal to itself.
    macro_rules! pairs {
        ($($number:literal: $request:ty, $response:ty;)*) => {
            match kind {
                $(
                    $number => {
                        if let Ok(body) = <$request>::decode(data) {
                            let written = body.encode();
                            let again = <$request>::decode(&written).expect("what was written");
                            assert_eq!(again.encode(), written);
                        }
                    }
                    kind if kind == $number | 1 => {
                        if let Ok(Ok(body)) = <$response>::decode(data) {
                            let written = body.encode();
                            let again = <$response>::decode(&written).expect("what was written");
                            assert_eq!(again.expect("no failure").encode(), written);
                        }
                    }
                )*
                _ => {}
            }
        };
    }
    pairs! {
        0: n::BindRequest, n::BindResponse;
        2: n::UnbindRequest, n::UnbindResponse;
        4: n::DnToMIdRequest, n::DnToMIdResponse;
        6: n::GetMatchesRequest, n::GetMatchesResponse;
        8: n::GetPropListRequest, n::GetPropListResponse;
        10: n::GetPropsRequest, n::GetPropsResponse;
        12: n::GetSpecialTableRequest, n::GetSpecialTableResponse;
        14: n::QueryColumnsRequest, n::QueryColumnsResponse;
        16: n::QueryRowsRequest, n::QueryRowsResponse;
        18: n::ResolveNamesRequest, n::ResolveNamesResponse;
        20: n::GetMailboxUrlRequest, n::GetMailboxUrlResponse;
        22: n::GetAddressBookUrlRequest, n::GetAddressBookUrlResponse;
    }
}
