/** What a fault or an error status means for the reader. */
export type Kind = 'throttled' | 'authRequired' | 'permission' | 'positionLost' | 'transient' | 'refused'

/**
 * What vendors say in fault codes, names of fault elements, status codes and texts; the first that fits counts. The names are those of ExceptionCode in
 * Salesforce's partner WSDL, of NetSuite's platform.faults.xsd and platform.faultTypes.xsd, of Exchange's ResponseCodeType, and of OASIS
 * Web Services Security, SOAP Message Security 1.1.1, section 12.
 */
const SAID: [RegExp, Kind][] = [
  [/exceeded(?:ConcurrentRequest|Request|Usage)LimitFault|(?<![A-Z_])(?:SSS_)?REQUEST_LIMIT_EXCEEDED|EXCEEDED_MAX_CONCUR_RQST|WS_CONCUR_SESSION_DISALLWD|WS_EXCEEDED_CONCUR_USERS_ALLWD|WS_REQUEST_BLOCKED|CONCUR_SEARCH_DISALLWD/i, 'throttled'],
  [/ErrorServerBusy|ErrorExceededConnectionCount|TooManyRequests|ThrottlingException|RequestThrottled|RateLimitExceeded|rate limit exceeded/i, 'throttled'],
  // Under concurrency NetSuite says this of credentials that are right (julbrs/netsuite-api-client#26): another try tells.
  [/INVALID_LOGIN_ATTEMPT|Invalid login attempt/i, 'transient'],
  [/INVALID_QUERY_LOCATOR|InvalidQueryLocatorFault/i, 'positionLost'],
  // Before what else their texts say.
  [/UNSUPPORTED_API_VERSION|invalidVersionFault|VersionMismatch/i, 'refused'],
  [/INVALID_SESSION_ID|invalidSessionFault|SESSION_TIMED_OUT|invalidCredentialsFault|\bINVALID_LOGIN\b|PASSWORD_LOCKOUT|LOGIN_MUST_USE_SECURITY_TOKEN|(?:wsse:)?(?:FailedAuthentication|InvalidSecurityToken|SecurityTokenUnavailable|FailedCheck|MessageExpired)\b|wsse:InvalidSecurity\b/i, 'authRequired'],
  [/insufficientPermissionFault|INSUFFICIENT_(?:ACCESS|PERMISSION)|PERMISSION_VIOLATION|API_DISABLED_FOR_ORG|API_CURRENTLY_DISABLED|FUNCTIONALITY_NOT_ENABLED|ErrorAccessDenied/i, 'permission'],
  [/UNABLE_TO_LOCK_ROW|SERVER_UNAVAILABLE|UNKNOWN_EXCEPTION|QUERY_TIMEOUT|REQUEST_RUNNING_TOO_LONG|\bORG_LOCKED|unexpectedErrorFault|\bUNEXPECTED_ERROR|ErrorInternalServerTransientError|ErrorTimeoutExpired/i, 'transient'],
]

/** What codes and text mean; null when they name nothing known. */
export function meaning(codes: string[], text: string): Kind | null {
  const said = `${codes.join(' ')} ${text}`
  return SAID.find(([pattern]) => pattern.test(said))?.[1] ?? null
}
