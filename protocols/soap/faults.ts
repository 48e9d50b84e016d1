/** What a fault or an error status means for the reader. */
export type Kind = 'throttled' | 'authRequired' | 'permission' | 'positionLost' | 'transient' | 'refused'

/**
 * What vendors say in fault codes, names of fault elements, status codes and texts; the first that fits counts.
 * Salesforce: https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_concepts_core_data_objects.htm (ExceptionCode).
 * NetSuite: https://docs.oracle.com/en/cloud/saas/netsuite/ns-online-help/section_N3507603.html (SOAP faults, error status codes).
 * OASIS: Web Services Security, SOAP Message Security 1.1.1, section 12.
 */
const SAID: [RegExp, Kind][] = [
  // Limits.
  [/Exceeded(?:Concurrent)?(?:Request|Usage)\w*(?:Limit)?Fault|ExceededRequestSizeFault_?Rate|EXCEEDED_(?:CONCURRENT_)?REQUEST_LIMIT|REQUEST_LIMIT_EXCEEDED|WS_CONCUR_SESSION_DISALLWD|WS_EXCEEDED_CONCUR_USERS_ALLWD|WS_REQUEST_BLOCKED|SERVER_BUSY_THROTTLED|TXN_SECURITY_METERING_ERROR|ErrorServerBusy|ErrorExceededConnectionCount|TooManyRequests|ThrottlingException|RequestThrottled|RateLimitExceeded|CONCURRENT_REQUESTS_LIMIT/i, 'throttled'],
  // Under concurrency NetSuite says this of credentials that are right (julbrs/netsuite-api-client#26): another try tells.
  [/Invalid login attempt/i, 'transient'],
  // The place to go on from.
  [/INVALID_QUERY_LOCATOR|InvalidQueryLocatorFault|INVALID_SEARCH_ID|InvalidSearchId/i, 'positionLost'],
  // Versions come before what else their texts say.
  [/UNSUPPORTED_API_VERSION|InvalidVersionFault|INVALID_VERSION|VersionMismatch|UnsupportedVersion/i, 'refused'],
  // Sessions and credentials.
  [/INVALID_SESSION_ID|InvalidSessionFault|SESSION_TIMED_OUT|SessionTimedOut|SESSION_TERMD|INVALID_LOGIN|InvalidCredentialsFault|USER_ERROR_AUTH|PASSWORD_LOCKOUT|LoginFault|wsse:|FailedAuthentication|InvalidSecurityToken|SecurityTokenUnavailable|FailedCheck|MessageExpired|InvalidSecurity\b|LOGIN_MUST_USE_SECURITY_TOKEN|AuthenticationFailed/i, 'authRequired'],
  [/InsufficientPermissionFault|INSUFFICIENT_(?:ACCESS|PERMISSION)|API_DISABLED_FOR_ORG|API_CURRENTLY_DISABLED|FUNCTIONALITY_NOT_ENABLED|ErrorAccessDenied|AccessDenied|NotAuthorized|USER_CANNOT|PERMISSION_VIOLATION/i, 'permission'],
  // What passes.
  [/UNABLE_TO_LOCK_ROW|SERVER_UNAVAILABLE|UNKNOWN_EXCEPTION|QUERY_TIMEOUT|OPERATION_TOO_LARGE_RETRY|UnexpectedErrorFault|UNEXPECTED_ERROR|AsyncFault_?Retry|REQUEST_RUNNING_TOO_LONG|ORG_LOCKED|ErrorInternalServerTransientError|ErrorTimeoutExpired|RECORD_IN_USE|LOCK_CONTENTION|DATABASE_TIMEOUT|timed? ?out/i, 'transient'],
]

/** What the codes mean (names of fault elements and codes before texts); null when they name nothing known. */
export function meaning(codes: string[], text: string): Kind | null {
  for (const said of [codes.join(' '), text]) {
    for (const [pattern, kind] of SAID) if (pattern.test(said)) return kind
  }
  return null
}
