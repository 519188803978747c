//! OpenFGA's error codes: one number and one name each, the same on gRPC and HTTP.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// An error code of the OpenFGA API. On gRPC the number stands in `grpc-status` itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
            /// A code this crate has no name for.
            Other(u32),
        }

        impl ErrorCode {
            /// The code with this number.
            pub fn from_number(number: u32) -> Self {
                match number {
                    $($number => ErrorCode::$variant,)*
                    other => ErrorCode::Other(other),
                }
            }

            /// The code with this name, as HTTP bodies carry it.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(ErrorCode::$variant),)*
                    _ => None,
                }
            }

            /// The number, as `grpc-status` carries it.
            pub fn number(self) -> u32 {
                match self {
                    $(ErrorCode::$variant => $number,)*
                    ErrorCode::Other(number) => number,
                }
            }

            /// The name, as HTTP bodies carry it.
            pub fn name(self) -> &'static str {
                match self {
                    $(ErrorCode::$variant => $name,)*
                    ErrorCode::Other(_) => "unknown",
                }
            }
        }
    };
}

codes! {
    /// A write met a concurrent or conflicting one.
    Aborted = 10, "Aborted";
    /// No bearer token was sent.
    BearerTokenMissing = 1010, "bearer_token_missing";
    /// The bearer token is not known.
    Unauthenticated = 1500, "unauthenticated";
    /// A request breaks a rule of shape, names or model.
    ValidationError = 2000, "validation_error";
    /// No model with the requested id.
    AuthorizationModelNotFound = 2001, "authorization_model_not_found";
    /// Evaluation went deeper than the resolution depth.
    ResolutionTooComplex = 2002, "authorization_model_resolution_too_complex";
    /// A write that names nothing.
    InvalidWriteInput = 2003, "invalid_write_input";
    /// The same key twice in one request.
    DuplicateTuples = 2004, "cannot_allow_duplicate_tuples_in_one_request";
    /// A continuation token that was not given by this server.
    InvalidContinuationToken = 2007, "invalid_continuation_token";
    /// An expand request without relation or object.
    InvalidExpandInput = 2010, "invalid_expand_input";
    /// A written tuple exists, or a deleted one does not.
    WriteFailedDueToInvalidInput = 2017, "write_failed_due_to_invalid_input";
    /// The model has no assertions.
    AssertionsNotFound = 2018, "authorization_model_assertions_not_found";
    /// The store has no model yet.
    LatestAuthorizationModelNotFound = 2020, "latest_authorization_model_not_found";
    /// The model lacks a type.
    TypeNotFound = 2021, "type_not_found";
    /// A type lacks a relation.
    RelationNotFound = 2022, "relation_not_found";
    /// A contextual tuple that the model does not allow.
    InvalidTuple = 2027, "invalid_tuple";
    /// A store id that is no ULID.
    StoreIdInvalidLength = 2030, "store_id_invalid_length";
    /// Too many assertions.
    AssertionsTooManyItems = 2033, "assertions_too_many_items";
    /// A page size outside 1 to 100.
    PageSizeInvalid = 2039, "page_size_invalid";
    /// An object longer than 256 characters.
    ObjectTooLong = 2043, "object_too_long";
    /// A relation longer than 50 characters.
    RelationTooLong = 2044, "relation_too_long";
    /// A model without types.
    TypeDefinitionsTooFewItems = 2045, "type_definitions_too_few_items";
    /// A token of another type filter.
    TokenTypeMismatch = 2052, "query_string_type_continuation_token_mismatch";
    /// More tuples, types or bytes than the server takes.
    ExceededEntityLimit = 2053, "exceeded_entity_limit";
    /// A model that does not hold together.
    InvalidAuthorizationModel = 2056, "invalid_authorization_model";
    /// The caller gave up.
    Cancelled = 2058, "cancelled";
    /// A start time that cannot be read.
    InvalidStartTime = 2059, "invalid_start_time";
    /// The server throttles this caller.
    Throttled = 3500, "throttled_timeout_error";
    /// A fault of the server.
    InternalError = 4000, "internal_error";
    /// The server ran out of time.
    DeadlineExceeded = 4004, "deadline_exceeded";
    /// The server cannot answer now.
    Unavailable = 4011, "unavailable";
    /// No such endpoint.
    UndefinedEndpoint = 5000, "undefined_endpoint";
    /// No store with this id.
    StoreIdNotFound = 5002, "store_id_not_found";
    /// The server does not implement the call.
    Unimplemented = 5004, "unimplemented";
}

impl ErrorCode {
    /// The HTTP status that OpenFGA answers this code with.
    pub fn http_status(self) -> u16 {
        match self.number() {
            10 => 409,
            1000..=1999 => 401,
            2000..=2999 => 400,
            3000..=3999 => 422,
            5000..=5999 => 404,
            _ => 500,
        }
    }

    /// Whether the same call may succeed later without any change by the caller.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            ErrorCode::Aborted | ErrorCode::Throttled | ErrorCode::DeadlineExceeded | ErrorCode::Unavailable
        )
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fga_01_codes_map_to_number_name_and_http_status_both_ways() {
        let code = ErrorCode::from_number(2017);
        assert_eq!(code, ErrorCode::WriteFailedDueToInvalidInput);
        assert_eq!(ErrorCode::from_name(code.name()), Some(code));
        assert_eq!(ErrorCode::StoreIdNotFound.http_status(), 404);
        assert_eq!(ErrorCode::from_number(2999).number(), 2999);
        assert!(ErrorCode::Aborted.is_transient() && !ErrorCode::InvalidTuple.is_transient());
    }
}
