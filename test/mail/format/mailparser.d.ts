// The part of mailparser that the cross-check uses; the package brings no types.
declare module 'mailparser' {
  interface ParsedAddress {
    readonly value: readonly { readonly address?: string; readonly name: string }[];
  }
  interface ParsedMail {
    readonly subject?: string;
    readonly from?: ParsedAddress;
    readonly to?: ParsedAddress | readonly ParsedAddress[];
    readonly date?: Date;
    readonly messageId?: string;
    readonly text?: string;
    readonly html?: string | false;
    readonly attachments: readonly {
      readonly filename?: string;
      readonly content: Buffer;
      readonly contentType: string;
    }[];
  }
  export function simpleParser(source: Buffer, options?: object): Promise<ParsedMail>;
}
