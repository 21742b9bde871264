/* SPDX-License-Identifier: BSD-3-Clause */
#include "http/status.h"

#include "base/assert.h"

/* clang-format off */
static const struct status statuses[] = {
    { 200, false, TEXT("HTTP/1.1 200 OK"), TEXT(""), TEXT("") },
    { 206, false, TEXT("HTTP/1.1 206 Partial Content"), TEXT(""), TEXT("") },
    { 304, false, TEXT("HTTP/1.1 304 Not Modified"), TEXT(""), TEXT("") },
    { 301, false, TEXT("HTTP/1.1 301 Moved Permanently"), TEXT("It is at another address."), TEXT("") },
    { 302, false, TEXT("HTTP/1.1 302 Found"), TEXT("It is at another address for now."), TEXT("") },
    { 307, false, TEXT("HTTP/1.1 307 Temporary Redirect"), TEXT("It is at another address for now."), TEXT("") },
    { 308, false, TEXT("HTTP/1.1 308 Permanent Redirect"), TEXT("It is at another address."), TEXT("") },
    { 204, false, TEXT("HTTP/1.1 204 No Content"), TEXT(""), TEXT("Allow: GET, HEAD, OPTIONS\r\n") },
    { 400, true, TEXT("HTTP/1.1 400 Bad Request"), TEXT("The request is malformed."), TEXT("") },
    { 403, false, TEXT("HTTP/1.1 403 Forbidden"), TEXT("Your address may not ask for this."), TEXT("") },
    { 404, false, TEXT("HTTP/1.1 404 Not Found"), TEXT("There is no such file."), TEXT("") },
    { 405, false, TEXT("HTTP/1.1 405 Method Not Allowed"), TEXT("Files can be read only."), TEXT("Allow: GET, HEAD, OPTIONS\r\n") },
    { 406, false, TEXT("HTTP/1.1 406 Not Acceptable"), TEXT("The file is not there in a coding that is accepted."), TEXT("") },
    { 408, true, TEXT("HTTP/1.1 408 Request Timeout"), TEXT("The request took too long to arrive."), TEXT("") },
    { 412, false, TEXT("HTTP/1.1 412 Precondition Failed"), TEXT("The file is another version."), TEXT("") },
    { 414, true, TEXT("HTTP/1.1 414 URI Too Long"), TEXT("The request line is too long."), TEXT("") },
    { 416, false, TEXT("HTTP/1.1 416 Range Not Satisfiable"), TEXT("The file is shorter than that."), TEXT("") },
    { 417, true, TEXT("HTTP/1.1 417 Expectation Failed"), TEXT("No expectation but 100-continue is known here."), TEXT("") },
    { 429, false, TEXT("HTTP/1.1 429 Too Many Requests"), TEXT("Try again later."), TEXT("") },
    { 431, true, TEXT("HTTP/1.1 431 Request Header Fields Too Large"), TEXT("The header fields are too many or too long."), TEXT("") },
    { 500, true, TEXT("HTTP/1.1 500 Internal Server Error"), TEXT("The response's header does not fit."), TEXT("") },
    { 501, true, TEXT("HTTP/1.1 501 Not Implemented"), TEXT("The method or transfer coding is not known here."), TEXT("") },
    { 503, true, TEXT("HTTP/1.1 503 Service Unavailable"), TEXT("Too many transfers, or the file cannot be read at present."), TEXT("Retry-After: 5\r\n") },
    { 505, true, TEXT("HTTP/1.1 505 HTTP Version Not Supported"), TEXT("This server speaks HTTP/1.1."), TEXT("") },
};
/* clang-format on */

const struct status *status_find(unsigned code)
{
    /* The usual ones come first. */
    for (unsigned i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].code == code)
            return &statuses[i];
    ASSERT(!"a status of the table");
    return NULL;
}

bool status_is_error(unsigned code)
{
    for (unsigned i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].code == code)
            return code >= 400;
    return false;
}
