/** A service that pages as SOAP services do: by query locator (`query`, `queryMore`), and by search id (`search`, `searchMore`); with writes. Document/literal. */
export const WSDL = `<?xml version="1.0" encoding="UTF-8"?>
<wsdl:definitions targetNamespace="urn:shop" xmlns:tns="urn:shop" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <wsdl:types><xsd:schema targetNamespace="urn:shop" elementFormDefault="qualified">
    <xsd:element name="SessionHeader"><xsd:complexType><xsd:sequence><xsd:element name="sessionId" type="xsd:string"/></xsd:sequence></xsd:complexType></xsd:element>
    <xsd:complexType name="Order"><xsd:sequence>
      <xsd:element name="Id" type="xsd:string"/><xsd:element name="name" type="xsd:string" minOccurs="0"/><xsd:element name="amount" type="xsd:decimal" minOccurs="0"/><xsd:element name="modified" type="xsd:dateTime" minOccurs="0"/>
    </xsd:sequence></xsd:complexType>
    <xsd:complexType name="QueryResult"><xsd:sequence>
      <xsd:element name="done" type="xsd:boolean"/><xsd:element name="queryLocator" type="xsd:string" nillable="true" minOccurs="0"/><xsd:element name="records" type="tns:Order" minOccurs="0" maxOccurs="unbounded"/>
    </xsd:sequence></xsd:complexType>
    <xsd:complexType name="SearchResult"><xsd:sequence>
      <xsd:element name="totalPages" type="xsd:int"/><xsd:element name="searchId" type="xsd:string"/><xsd:element name="record" type="tns:Order" minOccurs="0" maxOccurs="unbounded"/>
    </xsd:sequence></xsd:complexType>
    <xsd:complexType name="SaveResult"><xsd:sequence>
      <xsd:element name="success" type="xsd:boolean"/><xsd:element name="id" type="xsd:string" minOccurs="0"/><xsd:element name="message" type="xsd:string" minOccurs="0"/>
    </xsd:sequence></xsd:complexType>
${[
  ['query', '<xsd:element name="queryString" type="xsd:string"/>', 'tns:QueryResult', 1],
  ['queryMore', '<xsd:element name="queryLocator" type="xsd:string"/>', 'tns:QueryResult', 1],
  ['search', '<xsd:element name="modifiedSince" type="xsd:dateTime" minOccurs="0"/>', 'tns:SearchResult', 1],
  ['searchMore', '<xsd:element name="searchId" type="xsd:string"/><xsd:element name="pageIndex" type="xsd:int"/>', 'tns:SearchResult', 1],
  ['find', '<xsd:element name="Id" type="xsd:string"/><xsd:element name="name" type="xsd:string" minOccurs="0"/>', 'tns:QueryResult', 1],
  ['put', '<xsd:element name="order" type="tns:Order"/><xsd:element name="requestId" type="xsd:string" minOccurs="0"/>', 'tns:SaveResult', 1],
  ['upsert', '<xsd:element name="orders" type="tns:Order" maxOccurs="unbounded"/>', 'tns:SaveResult', 'unbounded'],
].map(([name, args, result, most]) => `    <xsd:element name="${name}"><xsd:complexType><xsd:sequence>${args}</xsd:sequence></xsd:complexType></xsd:element>
    <xsd:element name="${name}Response"><xsd:complexType><xsd:sequence><xsd:element name="result" type="${result}" minOccurs="0" maxOccurs="${most}"/></xsd:sequence></xsd:complexType></xsd:element>`).join('\n')}
  </xsd:schema></wsdl:types>
${each((n) => `<wsdl:message name="${n}In"><wsdl:part name="parameters" element="tns:${n}"/></wsdl:message><wsdl:message name="${n}Out"><wsdl:part name="parameters" element="tns:${n}Response"/></wsdl:message>`)}
  <wsdl:portType name="ShopType">${each((n) => `<wsdl:operation name="${n}"><wsdl:input message="tns:${n}In"/><wsdl:output message="tns:${n}Out"/></wsdl:operation>`)}</wsdl:portType>
  <wsdl:binding name="ShopBinding" type="tns:ShopType"><soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
${each((n) => `<wsdl:operation name="${n}"><soap:operation soapAction="urn:shop#${n}"/><wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output></wsdl:operation>`)}
  </wsdl:binding>
  <wsdl:service name="ShopService"><wsdl:port name="ShopPort" binding="tns:ShopBinding"><soap:address location="http://127.0.0.1/shop"/></wsdl:port></wsdl:service>
</wsdl:definitions>`

function each(write: (name: string) => string): string {
  return ['query', 'queryMore', 'search', 'searchMore', 'find', 'put', 'upsert'].map(write).join('\n')
}
