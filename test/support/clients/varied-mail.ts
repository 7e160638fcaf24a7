/**
 * An inbox as people have it, for journeys with real mail clients: plain text, HTML alone, alternatives, an attachment with a name outside
 * ASCII, a forwarded message within a message, eight-bit text in two charsets, RFC 2047 subjects, and a thread. Octets, CRLF, the same at each call.
 */

/** 8 messages, oldest first. */
export function variedMail(to: string): readonly Buffer[] {
  return [
    message(
      { to, id: 'plain', at: '09:01', subject: 'Lunch on Friday?' },
      'Content-Type: text/plain',
      'Shall we say noon?\r\n.\r\n..dots\r\n',
    ),
    message(
      { to, id: 'html', at: '09:02', subject: 'The newsletter' },
      'Content-Type: text/html; charset=utf-8',
      '<html><body><h1>News</h1><p>Only <b>HTML</b>: caf\u00e9</p></body></html>\r\n',
    ),
    message(
      {
        to,
        id: 'attachment',
        at: '09:03',
        subject: '=?utf-8?B?UmVjaG51bmcgZsO8ciBNw6Ryeg==?=',
        from: '=?iso-8859-1?Q?J=FCrgen_Gro=DF?= <juergen@remote.example>',
      },
      'Content-Type: multipart/mixed; boundary="outer"',
      [
        multipart('inner', 'multipart/alternative', [
          ['Content-Type: text/plain; charset=utf-8', 'Die Rechnung h\u00e4ngt an.'],
          ['Content-Type: text/html; charset=utf-8', '<p>Die Rechnung h\u00e4ngt an.</p>'],
        ]),
        [
          'Content-Type: application/pdf',
          "Content-Disposition: attachment; filename*=utf-8''Rechnung%20M%C3%A4rz.pdf",
          'Content-Transfer-Encoding: base64',
          '',
          base64Lines(Buffer.alloc(90_000, '%PDF-1.4 not really ')),
        ].join('\r\n'),
      ]
        .map((part) => `--outer\r\n${part}\r\n`)
        .join('')
        .concat('--outer--\r\n'),
    ),
    message(
      { to, id: 'nested', at: '09:04', subject: 'Fwd: the minutes' },
      'Content-Type: multipart/mixed; boundary="fwd"',
      [
        '--fwd\r\nContent-Type: text/plain\r\n\r\nSee below.\r\n',
        '--fwd\r\nContent-Type: message/rfc822\r\nContent-Disposition: inline\r\n\r\n',
        'From: Bob <bob@remote.example>\r\nTo: ada@remote.example\r\nSubject: the minutes\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\n',
        'Message-ID: <minutes@remote.example>\r\nMIME-Version: 1.0\r\n',
        `${multipart('deep', 'multipart/mixed', [
          ['Content-Type: text/plain', 'All agreed.'],
          [
            'Content-Type: text/csv; name="votes.csv"\r\nContent-Disposition: attachment; filename="votes.csv"',
            'yes,no\r\n7,0',
          ],
        ])}\r\n--fwd--\r\n`,
      ].join(''),
    ),
    message(
      { to, id: 'eight-bit', at: '09:05', subject: '=?utf-8?Q?=E6=97=A5=E6=9C=AC=E8=AA=9E_=E2=9C=93?=' },
      'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit',
      '\u65e5\u672c\u8a9e, \u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac, na\u00efve\r\n',
    ),
    message(
      { to, id: 'question', at: '09:06', subject: 'Holiday plans' },
      'Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable',
      'To the caf=E9, or to the sea?\r\n',
    ),
    message(
      {
        to,
        id: 'answer',
        at: '09:07',
        subject: 'Re: Holiday plans',
        answers: ['question'],
        from: 'Bob <bob@remote.example>',
      },
      'Content-Type: text/plain; format=flowed',
      '> To the caf\r\nTo the sea. \r\nDefinitely.\r\n',
    ),
    message(
      { to, id: 'reply', at: '09:08', subject: 'Re: Holiday plans', answers: ['question', 'answer'] },
      'Content-Type: text/plain',
      'Settled then.\r\n',
    ),
  ];
}

/** As DATA carries it (RFC 5321 §4.5.2). */
export const dotStuffed = (octets: Buffer): Buffer =>
  Buffer.from(octets.toString('latin1').replace(/^\./gm, '..'), 'latin1');

interface Head {
  readonly to: string;
  readonly id: string;
  /** hh:mm */
  readonly at: string;
  readonly subject: string;
  readonly from?: string;
  readonly answers?: readonly string[];
}

function message({ to, id, at, subject, from, answers = [] }: Head, fields: string, body: string): Buffer {
  const chain = answers.map((other) => `<${other}@remote.example>`);
  const lines = [
    `From: ${from ?? 'Ada <ada@remote.example>'}`,
    `To: ${to}`,
    `Subject: ${subject}`,
    `Date: Tue, 3 Nov 2026 ${at}:00 +0000`,
    `Message-ID: <${id}@remote.example>`,
    ...(chain.length > 0 ? [`In-Reply-To: ${chain.at(-1)}`, `References: ${chain.join(' ')}`] : []),
    'MIME-Version: 1.0',
    fields,
    '',
    body,
  ];
  return Buffer.from(lines.join('\r\n'), 'utf8');
}

/** The entity with its own header, ending at its closing delimiter without a line end. */
function multipart(
  boundary: string,
  type: string,
  parts: readonly (readonly [header: string, body: string])[],
): string {
  const entities = parts.map(([header, body]) => `--${boundary}\r\n${header}\r\n\r\n${body}\r\n`).join('');
  return `Content-Type: ${type}; boundary="${boundary}"\r\n\r\n${entities}--${boundary}--`;
}

const base64Lines = (octets: Buffer): string => (octets.toString('base64').match(/.{1,76}/g) ?? []).join('\r\n');
